"""Checkpoints of TensorFlow's ``Saver``, of both formats, without TensorFlow: found, listed, read as tensors.

The graph beside them (``.meta``) is a program, and not opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.untrusted.kinds import HEAD, what_is
from asap_lightning.untrusted.tables import is_table
from asap_lightning.untrusted.tensorflow_bundles import Bundle
from asap_lightning.untrusted.tensorflow_protos import Variable
from asap_lightning.untrusted.tensorflow_slices import SlicesFile
from asap_lightning.untrusted.text import printable, read_text

T = TypeVar("T")

MOST_NUMBERS = 2**29
"""Of the variables that are read at once."""
_PART = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_LATEST = re.compile(r'^\s*model_checkpoint_path:\s*"([^"\\]*)"', re.MULTILINE)


@dataclass(frozen=True)
class TensorflowCheckpoint:
    """A checkpoint of which the list of variables was read.

    Attributes:
        place: the file, or the bundle's files without their endings.
        variables: by name.
        note: what was assumed in finding it; may be empty.
    """

    place: Path
    variables: dict[str, Variable]
    note: str
    _content: Bundle | SlicesFile = field(repr=False)

    def read(self, names: Iterable[str]) -> dict[str, Tensor]:
        """Some variables' values.

        Raises:
            UserError: a file is missing or damaged, or holds numbers of a type that is not read.
        """
        chosen = list(names)
        count = sum(self.variables[name].count for name in chosen)
        if count > MOST_NUMBERS:
            raise UserError(
                f"{self.place}: variables of {count} numbers are more than is read, {MOST_NUMBERS}"
            )
        arrays = _guarded(self.place, lambda: self._content.read(chosen))
        return {name: _tensor(self.variables[name], array) for name, array in arrays.items()}


def open_tensorflow(path: Path) -> TensorflowCheckpoint:
    """Finds a checkpoint and reads its list of variables.

    Args:
        path: ``model.ckpt-100``, one of the files that begin so, or the folder, whose file ``checkpoint``
            names the latest one.

    Raises:
        UserError: there is none, or it is damaged or something else.
    """
    place, note = _found(path)
    if is_table(place):
        slices = _guarded(place, lambda: SlicesFile(place))
        return TensorflowCheckpoint(place, slices.variables, note, slices)
    index = place.with_name(place.name + ".index")
    if not index.is_file():
        if place.is_file():
            raise UserError(f"{place} is no TensorFlow checkpoint{_known_as(place)}")
        raise UserError(f"there is no TensorFlow checkpoint {path}: neither that file nor {index}")
    if not is_table(index):
        raise UserError(f"{index} is no index of a TensorFlow checkpoint, or was cut off{_known_as(index)}")
    bundle = _guarded(index, lambda: Bundle(place))
    return TensorflowCheckpoint(place, bundle.variables, note, bundle)


def is_tensorflow(path: Path) -> bool:
    """Whether a path is of a checkpoint that `open_tensorflow` may read."""
    if path.is_dir():
        return any(path.glob("*.index")) or (path / "checkpoint").is_file()
    return (
        is_table(path)
        or _PART.search(path.name) is not None
        or path.with_name(path.name + ".index").is_file()
    )


def _found(path: Path) -> tuple[Path, str]:
    """A bundle's files without their endings, or the file of the first format; what was assumed."""
    if path.is_dir():
        return _latest(path)
    if path.name == "checkpoint" and path.is_file() and not is_table(path):
        return _latest(path.parent)
    return path.with_name(_PART.sub("", path.name)), ""


def _latest(folder: Path) -> tuple[Path, str]:
    listed = folder / "checkpoint"
    if listed.is_file():
        try:
            match = _LATEST.search(read_text(listed, most=2**20))
        except OSError as error:
            raise UserError(f"{listed} cannot be read: {error.strerror or error}") from error
        if match is None:
            raise UserError(f'{listed} names no checkpoint: a line model_checkpoint_path: ".." was expected')
        name = re.split(r"[/\\]", match[1])[-1]
        if name in ("", ".", "..") or not name.isprintable():
            raise UserError(f"{listed} names no file: '{printable(match[1], 100)}'")
        note = f"checkpoint {name}, the latest that {listed} names"
        if match[1] not in (name, str(folder / name), str((folder / name).absolute())):
            note += f" ('{printable(match[1], 200)}'; what is read is the one of that name beside it)"
        return folder / name, note
    indices = sorted(folder.glob("*.index"))[:7]
    if len(indices) != 1:
        names = ", ".join(printable(index.stem, 60) for index in indices[:6])
        raise UserError(
            f"{folder} has no file 'checkpoint' that names the latest one, and "
            + (f"several checkpoints: name one of {names}" if names else "no file *.index")
        )
    return indices[0].with_suffix(""), ""


def _guarded(place: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except FileNotFoundError as error:
        raise UserError(
            f"{place} is incomplete: there is no file {error.filename}, which belongs to it; "
            "copy or download all its files"
        ) from error
    except MemoryError as error:
        raise UserError(f"{place} does not fit into this machine's memory") from error
    except OSError as error:
        raise UserError(f"{place} cannot be read: {error.strerror or error}") from error
    except (ValueError, IndexError, OverflowError) as error:
        reason = printable(str(error) or type(error).__name__, 300)
        raise UserError(f"{place} is damaged or no TensorFlow checkpoint: {reason}; copy it again") from error


def _known_as(path: Path) -> str:
    with path.open("rb") as file:
        kind = what_is(file.read(HEAD))
    return "" if kind is None else f": it is {kind}"


def _tensor(variable: Variable, array: np.ndarray) -> Tensor:
    if variable.dtype == "bool":
        return torch.from_numpy(np.asarray(array != 0))
    return torch.from_numpy(np.array(array, array.dtype.newbyteorder("="), copy=True))
