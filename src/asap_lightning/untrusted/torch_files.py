"""Files of ``torch.save`` taken apart: zip (since PyTorch 1.6) and the stream of pickles before."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.untrusted import tensors
from asap_lightning.untrusted.kinds import HEAD, ZIP, what_is
from asap_lightning.untrusted.pickles import MAX_PICKLE, Damaged, Name, PythonObjects, Unpickler
from asap_lightning.untrusted.shape import check_shape
from asap_lightning.untrusted.text import printable

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
SHOWN = 6


def load_torch(path: Path, *, shells: bool = False, weights: bool = True) -> Any:
    """Plain data and CPU tensors from a file of ``torch.save``.

    Args:
        path: the file.
        shells: whether networks that were saved whole become `Shell` objects; else they are refused.
        weights: False reads no tensor's content, and gives tensors on the device ``meta``.

    Raises:
        UserError: missing, damaged, something else, or holding other Python objects; the message names them.
    """
    return _guarded(path, lambda file, size: _load(file, size, shells, weights))


def load_pickle(path: Path) -> Any:
    """A plain pickle, such as ``opt.pkl``; objects of a few known classes become `Shell`.

    Raises:
        UserError: as `load_torch`.
    """

    def read(file: BinaryIO, size: int) -> Any:
        if size > MAX_PICKLE:
            raise Damaged(f"a file of options is smaller than {MAX_PICKLE} bytes")
        return Unpickler(BytesIO(file.read(size)), shells=True).load()

    return _guarded(path, read)


def _guarded(path: Path, read: Callable[[BinaryIO, int], Any]) -> Any:
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            kind = what_is(file.read(HEAD))
            if kind is not None:
                raise UserError(f"{path} is no checkpoint: it is {kind}")
            file.seek(0)
            content = read(file, size)
        check_shape(content, size)
    except PythonObjects as error:
        raise UserError(_refused(path, error)) from error
    except MemoryError as error:
        raise UserError(f"{path} ({size} bytes) does not fit into this machine's memory") from error
    except (ValueError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, struct.error) as error:
        reason = printable((str(error) or type(error).__name__).splitlines()[0], 200)
        raise UserError(
            f"{path} ({size} bytes) is damaged or not a checkpoint: {reason}. Copy or download it again, "
            "or use another checkpoint of the run"
        ) from error
    return content


def _refused(path: Path, error: PythonObjects) -> str:
    names = [printable(name, 80) for name in error.names]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (
        f"{path} was refused: it holds Python objects ({', '.join(names[:SHOWN])}{more}), not only weights; "
        "nothing from it was run. If you trust its author, have it saved again as weights alone: "
        "torch.save(model.state_dict(), ..). A network of the original authors' programs is read by "
        "'asap import convert'"
    )


def _load(file: BinaryIO, size: int, shells: bool, weights: bool) -> Any:
    beginning = file.read(len(ZIP))
    file.seek(0)
    if beginning == ZIP:
        with zipfile.ZipFile(file) as archive:
            return _Zip(archive, size, weights).load(shells)
    return _Stream(file, size, weights).load(shells)


def _reference(identity: Any, length: int) -> tuple[torch.dtype, str, int]:
    """Type, key and bytes of a storage, from ('storage', class, key, location, numbers ..)."""
    if not isinstance(identity, tuple) or len(identity) != length or identity[0] != "storage":
        raise Damaged("it refers to something that is no tensor's storage")
    _, kind, key, _, count = identity[:5]
    dtype = tensors.STORAGES.get(kind.name) if isinstance(kind, Name) else None
    if dtype is None or not isinstance(key, str) or type(count) is not int or count < 0:
        raise Damaged("it refers to a tensor's storage in an unknown form")
    return dtype, key, count * dtype.itemsize


class _Zip:
    """A zip archive: ``NAME/data.pkl`` with everything but tensors, ``NAME/data/KEY`` with the storages."""

    def __init__(self, archive: zipfile.ZipFile, size: int, weights: bool) -> None:
        self.archive, self.weights, self.allowance = archive, weights, tensors.Allowance(size)
        self.storages: dict[str, Tensor] = {}
        self.members = _members(archive, size)
        roots = [name.partition("/")[0] for name in self.members if name.partition("/")[2] == "data.pkl"]
        if len(roots) != 1:
            raise Damaged(_other_zip(self.members))
        self.root = roots[0]

    def load(self, shells: bool) -> Any:
        order = self.members.get(f"{self.root}/byteorder")
        if order is not None and self.archive.read(order) != b"little":
            raise Damaged("it was written on a machine with another byte order")
        pickle = self.members[f"{self.root}/data.pkl"]
        if pickle.file_size > MAX_PICKLE:
            raise Damaged(f"beside its tensors it holds {pickle.file_size} bytes, more than {MAX_PICKLE}")
        content = BytesIO(self.archive.read(pickle))
        return Unpickler(content, shells=shells, persistent=self._storage).load()

    def _storage(self, identity: Any) -> tensors.Storage:
        dtype, key, size = _reference(identity, 5)
        member = self.members.get(f"{self.root}/data/{key}")
        if member is None or member.file_size != size:
            found = "none" if member is None else f"{member.file_size} bytes"
            raise Damaged(f"a tensor's storage should have {size} bytes, there are {found}")
        return tensors.Storage(dtype, size, lambda: self._content(member), self.allowance)

    def _content(self, member: zipfile.ZipInfo) -> Tensor:
        if not self.weights:
            return torch.empty(member.file_size, dtype=torch.uint8, device="meta")
        if member.filename not in self.storages:
            content = tensors.empty(member.file_size)
            with self.archive.open(member) as file:
                tensors.fill(content, file.read)
            self.storages[member.filename] = content
        return self.storages[member.filename]


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The members by name: stored as they are, once each, together no larger than the file."""
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        if member.filename in members:
            raise Damaged("a name occurs twice in the archive")
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise Damaged("its members are compressed or encrypted, which torch.save never does")
        members[member.filename] = member
    if sum(m.file_size for m in members.values()) > size or any(
        m.file_size != m.compress_size for m in members.values()
    ):
        raise Damaged("its members are larger than the file")
    return members


def _other_zip(members: dict[str, zipfile.ZipInfo]) -> str:
    shown = printable(", ".join(list(members)[:3]), 120)
    if any(name.endswith(".npy") for name in members):
        return f"it is an archive of NumPy arrays ({shown})"
    return f"it is a zip archive of other files ({shown}): unpack it first"


class _Stream:
    """Pickles one after the other: magic number, version, machine, content, keys; then the tensors' bytes."""

    def __init__(self, file: BinaryIO, size: int, weights: bool) -> None:
        self.file, self.size, self.weights = file, size, weights
        self.storages: dict[str, Tensor] = {}
        self.itemsizes: dict[str, int] = {}
        self.total, self.allowance = 0, tensors.Allowance(size)

    def load(self, shells: bool) -> Any:
        if self._pickle() != MAGIC:
            raise Damaged("it does not begin as files of torch.save do")
        if self._pickle() != PROTOCOL:
            raise Damaged("it is of an unknown version of torch.save")
        machine = self._pickle()
        if not isinstance(machine, dict) or machine.get("little_endian") is not True:
            raise Damaged("it was written on a machine with another byte order")
        content = self._pickle(shells=shells, persistent=self._refer)
        keys = self._pickle()
        listed = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
        if not listed or sorted(keys) != sorted(self.storages):
            raise Damaged("it lists other tensors than it uses")
        if self.weights:
            for key in keys:
                self._fill(key)
        return content

    def _pickle(self, **settings: Any) -> Any:
        return Unpickler(_Bounded(self.file, MAX_PICKLE), **settings).load()  # type: ignore[arg-type]

    def _refer(self, identity: Any) -> Any:
        if isinstance(identity, tuple) and len(identity) == 4 and identity[0] == "module":
            return identity[1]  # the class, beside the source it had
        dtype, key, size = _reference(identity, 6)
        if key not in self.storages:
            self.total += size
            if self.total > self.size:
                raise Damaged("its tensors are larger than the file")
            self.storages[key] = (
                tensors.empty(size) if self.weights else torch.empty(size, dtype=torch.uint8, device="meta")
            )
            self.itemsizes[key] = dtype.itemsize
        content = self.storages[key]
        if content.numel() != size:
            raise Damaged("a tensor's storage has two sizes")
        if identity[5] is not None:
            content = _part(content, identity[5], dtype.itemsize)
        return tensors.Storage(dtype, content.numel(), lambda: content, self.allowance)

    def _fill(self, key: str) -> None:
        content, head = self.storages[key], self.file.read(8)
        if len(head) != 8 or struct.unpack("<q", head)[0] * self.itemsizes[key] != content.numel():
            raise Damaged("a tensor's storage has another size than its bytes, or is missing")
        tensors.fill(content, self.file.read)


def _part(content: Tensor, view: Any, itemsize: int) -> Tensor:
    """The part of a storage that PyTorch 0.3 and older stored as (key, offset, size) in numbers."""
    if not isinstance(view, tuple) or len(view) != 3 or not all(type(n) is int and n >= 0 for n in view[1:]):
        raise Damaged("a part of a tensor's storage is of an unknown form")
    start, end = view[1] * itemsize, (view[1] + view[2]) * itemsize
    if end > content.numel():
        raise Damaged("a part of a tensor's storage lies outside of it")
    return content[start:end]


class _Bounded:
    """A file of which a pickle may read so much and no more, nor reserve memory for what is not there."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self.file, self.left = file, most

    def read(self, size: int) -> bytes:
        return self._take(self.file.read(min(size, self.left + 1)))

    def readline(self) -> bytes:
        return self._take(self.file.readline(self.left + 1))

    def tell(self) -> int:
        return self.file.tell()

    def _take(self, content: bytes) -> bytes:
        self.left -= len(content)
        if self.left < 0:
            raise Damaged(f"a pickle in it is larger than {MAX_PICKLE} bytes")
        return content
