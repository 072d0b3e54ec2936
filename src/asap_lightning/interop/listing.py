"""``asap import list``: what a checkpoint of the original authors' programs holds."""

from __future__ import annotations

from math import prod
from pathlib import Path

from asap_lightning.interop.convert import read_checkpoint_state
from asap_lightning.untrusted import is_tensorflow, open_tensorflow
from asap_lightning.untrusted.text import printable
from asap_lightning.wording import counted


def listing(path: Path) -> str:
    """Names, shapes and types of the weights in a file of PyTorch or a checkpoint of TensorFlow; how many.

    Raises:
        UserError: neither, or damaged.
    """
    notes = []
    if is_tensorflow(path):
        checkpoint = open_tensorflow(path)
        notes = [checkpoint.note] if checkpoint.note else []
        rows = [(name, one.shape, one.dtype) for name, one in checkpoint.variables.items()]
    else:
        state = read_checkpoint_state(path)
        rows = [
            (name, tuple(one.shape), str(one.dtype).removeprefix("torch.")) for name, one in state.items()
        ]
    shapes = ["x".join(map(str, shape)) or "one number" for _, shape, _ in rows]
    names = [printable(name, 200) for name, _, _ in rows]
    wide, wider = (max(map(len, words), default=0) for words in (names, shapes))
    lines = [
        f"{name:{wide}}  {shape:{wider}}  {dtype}"
        for name, shape, (_, _, dtype) in zip(names, shapes, rows, strict=True)
    ]
    count = sum(prod(shape) for _, shape, _ in rows)
    return "\n".join([*notes, *lines, f"{counted(len(rows), 'variable')}, {counted(count, 'number')}"])
