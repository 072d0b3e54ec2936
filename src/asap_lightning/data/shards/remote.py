"""Shards at an address: HTTP, S3 and whatever else fsspec knows."""

from __future__ import annotations

import errno
import logging
import time
from pathlib import Path
from typing import Any

from asap_lightning.data.shards.cache import ShardCache
from asap_lightning.data.shards.index import INDEX, Shard, ShardIndex
from asap_lightning.data.shards.parse import MAX_INDEX, parse_index, too_large
from asap_lightning.errors import UserError

log = logging.getLogger(__name__)

CHUNK = 16 * 2**20
"""Bytes asked for at a time: what a lost connection costs at most."""
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before a failed request is repeated."""
NEVER = (
    *("NoCredentialsError", "ClientConnectorDNSError", "InvalidURL"),
    *("NonHttpUrlRedirectClientError", "InvalidUrlRedirectClientError", "TooManyRedirects"),
)
"""Errors that another try would meet again: a wrong address, no right to it, a redirection out of the web."""
EXTRAS = {
    "s3": ("s3fs", "pip install 'asap-lightning[s3]'"),
    "http": ("aiohttp", "pip install aiohttp"),
    "https": ("aiohttp", "pip install aiohttp"),
    "gs": ("gcsfs", "pip install gcsfs"),
    "gcs": ("gcsfs", "pip install gcsfs"),
    "az": ("adlfs", "pip install adlfs"),
    "abfs": ("adlfs", "pip install adlfs"),
}


class RemoteStore:
    """A folder at an address; whole shards are copied into a cache when one of their pairs is wanted.

    Args:
        url: of the folder: ``https://..``, ``s3://bucket/..``, ``memory://..``.
        cache: receives the copies.
    """

    def __init__(self, url: str, cache: ShardCache) -> None:
        self.url, self.cache = url.rstrip("/"), cache

    def index(self) -> ShardIndex:
        address = f"{self.url}/{INDEX}"
        try:
            content = self._retried(address, lambda files: _get(files, address, 0, None, MAX_INDEX))
        except FileNotFoundError as error:
            raise UserError(
                f"data.root={self.url}: there is no {INDEX}. The address of a folder that asap data shard "
                "has written was expected"
            ) from error
        if len(content) > MAX_INDEX:
            raise too_large(address)
        return parse_index(content, address)

    def locate(self, shard: Shard) -> Path:
        return self.cache.get(shard, self._fetch, self.place(shard))

    def place(self, shard: Shard) -> str:
        return f"{self.url}/{shard.name}"

    def discard(self, shard: Shard) -> bool:
        self.cache.discard(shard)
        return True

    def _fetch(self, shard: Shard, part: Path) -> None:
        """Appends to ``part`` what it lacks of the shard, in pieces, each asked for again if it fails."""
        address = self.place(shard)
        with part.open("ab") as file:
            while (start := file.tell()) < shard.size:
                end = min(start + CHUNK, shard.size)
                try:
                    content = self._retried(
                        address, lambda files, a=start, b=end: _get(files, address, a, b, shard.size)
                    )
                except FileNotFoundError as error:
                    raise UserError(
                        f"{address} is missing, though {INDEX} lists it. Copy the shard there again, or "
                        "repeat asap data shard and copy its folder anew"
                    ) from error
                if len(content) == shard.size:  # a server that knows no ranges sends everything
                    content, end = content[start:], shard.size
                if len(content) != end - start:
                    raise UserError(
                        f"{address} is {'truncated' if len(content) < end - start else 'another file'}: "
                        f"{len(content)} bytes came where {end - start} were asked for (from {start} of "
                        f"{shard.size}). Copy the shard there again"
                    )
                file.write(content)
            file.flush()

    def _retried(self, address: str, request: Any) -> bytes:
        """A request, repeated while the network fails.

        Raises:
            FileNotFoundError: there is no such file; another try would not find it either.
            UserError: not reachable, or not allowed.
        """
        files = self._files()
        for pause in (*PAUSES, None):
            try:
                content = request(files)
                return bytes(content)
            except FileNotFoundError:
                raise
            except Exception as error:  # each kind of storage raises its own
                if not _may_pass(error):
                    raise UserError(f"{address} cannot be read: {_text(error)}") from error
                if pause is None:
                    raise UserError(
                        f"{address} cannot be read, after {len(PAUSES) + 1} tries: {_text(error)}. Is the "
                        "server "
                        "reachable from this machine? What has arrived is kept: start the same command again"
                    ) from error
                log.warning("%s: %s; trying again in %g s", address, _text(error), pause)
                time.sleep(pause)
        raise AssertionError("unreachable")

    def _files(self) -> Any:
        """The file system; fsspec makes one a process and keeps it."""
        import fsspec  # type: ignore[import-untyped]

        protocol = self.url.partition("://")[0]
        try:
            return fsspec.filesystem(protocol, **_limits(protocol))
        except (ImportError, ValueError) as error:
            if protocol in EXTRAS:
                library, install = EXTRAS[protocol]
                raise UserError(
                    f"data.root={self.url}: {protocol}:// needs the library {library}, which is not "
                    f"installed: {install}"
                ) from error
            raise UserError(
                f"data.root={self.url}: '{protocol}://' cannot be read here ({error}); a folder, "
                "http(s):// or s3:// was expected"
            ) from error


def _get(files: Any, address: str, start: int, end: int | None, most: int) -> bytes:
    """Bytes ``start`` to ``end``, or all; a server that sends more than ``most`` is cut off."""
    if not address.startswith(("http://", "https://")):
        return bytes(files.cat_file(address, start, most + 1 if end is None else end))
    how = {} if end is None else {"headers": {"Range": f"bytes={start}-{end - 1}"}}
    # A size of 1 stands for one that nobody asked for; the file is a stream all the same.
    with files.open(address, "rb", block_size=0, size=1, **how) as stream:
        content = bytearray()
        while len(content) <= most and (part := stream.read(min(2**20, most + 1 - len(content)))):
            content += part
    return bytes(content)


def _limits(protocol: str) -> dict[str, Any]:
    """A server that has fallen silent is given up after a while; a slow one is not."""
    if protocol not in ("http", "https"):
        return {}
    from aiohttp import ClientTimeout

    return {"client_kwargs": {"timeout": ClientTimeout(total=None, sock_connect=30, sock_read=60)}}


def _may_pass(error: Exception) -> bool:
    """Whether the same request may succeed a little later: lost connections, busy servers."""
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return status >= 500 or status in (408, 429)
    if isinstance(error, PermissionError | IsADirectoryError | TypeError | AttributeError):
        return False
    if type(error).__name__ in NEVER:
        return False
    return not (isinstance(error, OSError) and error.errno in (errno.EACCES, errno.ENOENT))


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
