"""Files from strangers, read without running anything from them and within bounds that their size sets.

Pickles become plain data, tensors and inert shells (`pickles`, `tensors`, `arrays`); files of ``torch.save``
are taken apart here and not by PyTorch (`torch_files`); JSON and YAML are bounded (`text`). What is said
about a file that is something else altogether comes from `kinds`.
"""

from asap_lightning.untrusted.shell import Shell
from asap_lightning.untrusted.text import parse_json, parse_yaml, read_json, read_text, read_yaml
from asap_lightning.untrusted.torch_files import load_pickle, load_torch
from asap_lightning.untrusted.wrappers import without_wrappers

__all__ = [
    "Shell",
    "load_pickle",
    "load_torch",
    "parse_json",
    "parse_yaml",
    "read_json",
    "read_text",
    "read_yaml",
    "without_wrappers",
]
