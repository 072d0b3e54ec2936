"""Files from strangers, read without running anything from them and within bounds that their size sets.

Pickles become plain data, tensors and inert shells (`pickles`, `tensors`, `arrays`); files of ``torch.save``
are taken apart here and not by PyTorch (`torch_files`), Caffe's models without protobuf (`caffe`), those of
TensorFlow without it (`tensorflow_files`: checksums, tables, and two formats on top of them); safetensors
files are read by their library (`safetensors_files`); JSON and YAML are bounded (`text`). What is
said about a file that is something else altogether comes from `kinds`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.untrusted.caffe import load_caffe as load_caffe
    from asap_lightning.untrusted.safetensors_files import is_safetensors as is_safetensors
    from asap_lightning.untrusted.safetensors_files import load_safetensors as load_safetensors
    from asap_lightning.untrusted.shell import Shell as Shell
    from asap_lightning.untrusted.tensorflow_files import TensorflowCheckpoint as TensorflowCheckpoint
    from asap_lightning.untrusted.tensorflow_files import is_tensorflow as is_tensorflow
    from asap_lightning.untrusted.tensorflow_files import open_tensorflow as open_tensorflow
    from asap_lightning.untrusted.text import parse_json as parse_json
    from asap_lightning.untrusted.text import parse_yaml as parse_yaml
    from asap_lightning.untrusted.text import read_json as read_json
    from asap_lightning.untrusted.text import read_text as read_text
    from asap_lightning.untrusted.text import read_yaml as read_yaml
    from asap_lightning.untrusted.torch_files import load_pickle as load_pickle
    from asap_lightning.untrusted.torch_files import load_torch as load_torch
    from asap_lightning.untrusted.wrappers import without_wrappers as without_wrappers

_HOMES = {
    "Shell": "shell",
    "TensorflowCheckpoint": "tensorflow_files",
    "is_safetensors": "safetensors_files",
    "is_tensorflow": "tensorflow_files",
    "load_caffe": "caffe",
    "load_pickle": "torch_files",
    "load_safetensors": "safetensors_files",
    "load_torch": "torch_files",
    "open_tensorflow": "tensorflow_files",
    "parse_json": "text",
    "parse_yaml": "text",
    "read_json": "text",
    "read_text": "text",
    "read_yaml": "text",
    "without_wrappers": "wrappers",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
