"""One shard as a tar file: the same pairs give the same bytes, and every member's place is known."""

from __future__ import annotations

import hashlib
import json
import tarfile
import zlib
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import IO

from asap_lightning.data.shards.index import Member, Shard, StoredSample
from asap_lightning.data.shards.members import Members
from asap_lightning.files import atomic_write

BLOCK = tarfile.BLOCKSIZE


class _Hashed:
    """A file that is written once from its beginning, and its SHA-256 and size."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.sha256, self.size = file, hashlib.sha256(), 0

    def write(self, content: bytes) -> int:
        self.sha256.update(content)
        self.size += len(content)
        return self.file.write(content)

    def tell(self) -> int:
        return self.size


def write_tar(path: Path, identity: str, samples: Iterable[tuple[str, Members, dict[str, str]]]) -> Shard:
    """Writes a shard in the WebDataset layout, atomically.

    Args:
        path: of the tar file.
        identity: see `PlannedShard`.
        samples: name, members and, for each member, where it came from.
    """
    stored: list[StoredSample] = []
    keys: set[str] = set()
    with atomic_write(path) as file:
        hashed = _Hashed(file)
        # Of a tar file, tarfile only writes and tells.
        with tarfile.open(fileobj=hashed, mode="w", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
            for name, members, origins in samples:
                key = _key(name, keys)
                places = {role: _add(tar, f"{key}.{role}", content) for role, content in members.items()}
                about = json.dumps({"name": name, "files": origins}, ensure_ascii=False)
                _add(tar, f"{key}.json", about.encode())
                stored.append(StoredSample(name, key, places))
        return Shard(path.name, hashed.size, hashed.sha256.hexdigest(), identity, stored)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> Member:
    info = tarfile.TarInfo(name)  # time 0, no owner: nothing that differs from one writing to the next
    info.size = len(content)
    info.mode = 0o644
    tar.addfile(info, BytesIO(content))
    padded = -(-len(content) // BLOCK) * BLOCK
    return Member(tar.offset - padded, len(content), zlib.crc32(content))


def _key(name: str, taken: set[str]) -> str:
    """The name as WebDataset understands it: what follows the first dot is the kind of a member."""
    wanted = name.replace(".", "_").replace("/", "_")
    key, number = wanted, 2
    while key in taken:
        key, number = f"{wanted}_{number}", number + 1
    taken.add(key)
    return key
