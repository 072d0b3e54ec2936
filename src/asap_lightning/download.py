"""One file from an address: in pieces that a later call continues, checked, and kept."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urlsplit

from asap_lightning.errors import UserError
from asap_lightning.files import remove_if_there, sha256_of
from asap_lightning.locks import lock_at

if TYPE_CHECKING:
    from requests import Response

log = logging.getLogger(__name__)

LARGEST = 8 * 2**30
"""Bytes that a model may have."""
PIECE = 2**16
TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and between two pieces."""
MOST_REDIRECTS = 5
_CHECKSUM = re.compile(r"sha256=([0-9a-f]{64})")


def cache_folder() -> Path:
    """Where downloads are kept: ``$ASAP_CACHE``, or ``asap-lightning`` in the user's cache."""
    if own := os.environ.get("ASAP_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "asap-lightning"


def download(url: str, *, most: int = LARGEST) -> Path:
    """The file at an address, from the cache where an earlier call has brought it.

    Args:
        url: ``https://..`` or ``http://..``; behind it ``#sha256=HEX`` says what its content must be.
        most: bytes that it may have.

    Returns:
        Its place in the cache. What an interrupted call has brought is continued by the next.

    Raises:
        UserError: not reachable, refused, too large, cut off, another content than expected, no space.
    """
    address, fragment = urldefrag(url)
    wanted = _checksum(url, fragment)
    if urlsplit(address).scheme not in ("http", "https"):
        raise UserError(f"{url}: an address that begins with https:// or http:// was expected")
    folder = cache_folder() / "downloads"
    name = Path(urlsplit(address).path).name or "file"
    target = folder / hashlib.sha256(f"{address} {wanted}".encode()).hexdigest()[:32] / name
    try:
        if not target.is_file():
            with lock_at(target.parent / ".lock"):
                if not target.is_file():
                    _fetch(address, target, wanted, most)
    except OSError as error:
        raise UserError(
            f"{url} could not be kept in {target.parent}: {error.strerror or error}. Free some space, or "
            "name another folder by the environment variable ASAP_CACHE"
        ) from error
    return target


def _checksum(url: str, fragment: str) -> str | None:
    if not fragment:
        return None
    found = _CHECKSUM.fullmatch(fragment)
    if found is None:
        raise UserError(f"{url}: behind # a checksum sha256=HEX of 64 digits 0-9, a-f was expected")
    return found[1]


def _fetch(address: str, target: Path, wanted: str | None, most: int) -> None:
    part = target.with_name(f"{target.name}.part")
    seen = target.with_name(f"{target.name}.etag")  # which version of the file `part` is the beginning of
    _receive(address, part, seen, most)
    found = sha256_of(part)
    if wanted is not None and found != wanted:
        remove_if_there(part)
        raise UserError(
            f"{address} is not the file it should be: its sha256 is {found}, expected {wanted}. It was "
            "changed or damaged on its way; ask who published the checksum"
        )
    os.replace(part, target)
    remove_if_there(seen)
    log.info("%s: %d bytes, sha256 %s", address, target.stat().st_size, found)


def _receive(address: str, part: Path, seen: Path, most: int) -> None:
    """Appends what ``part`` lacks; begins anew where the server has another version or knows no ranges."""
    import requests

    start = part.stat().st_size if part.is_file() and seen.is_file() else 0
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": seen.read_text()}
    with requests.Session() as session:
        session.max_redirects = MOST_REDIRECTS
        try:
            with closing(session.get(address, headers=headers, stream=True, timeout=TIMEOUT)) as response:
                if response.status_code == requests.codes.requested_range_not_satisfiable:
                    remove_if_there(part)
                    raise UserError(f"{address} has become shorter meanwhile; start the same command again")
                if response.status_code not in (200, 206):
                    raise UserError(f"{address} cannot be read: {response.status_code} {response.reason}")
                _write(response, address, part, seen, start, most)
        except requests.RequestException as error:
            raise UserError(
                f"{address} cannot be read: {_reason(error)}. Is the server reachable from this machine? "
                "What has arrived is kept: start the same command again"
            ) from error


def _write(response: Response, address: str, part: Path, seen: Path, start: int, most: int) -> None:
    start = start if response.status_code == 206 else 0
    length = response.headers.get("Content-Length", "")
    expected = start + int(length) if length.isascii() and length.isdigit() else None
    if expected is not None and expected > most:
        raise _too_large(address, expected, most)
    version = response.headers.get("ETag", "")
    if version and not version.startswith("W/"):  # a weak one says nothing of bytes
        seen.write_text(version)
    else:
        remove_if_there(seen)
    with part.open("ab" if start else "wb") as file:
        for piece in response.iter_content(PIECE):
            file.write(piece)
            if file.tell() > most:
                raise _too_large(address, file.tell(), most)
        file.flush()
        os.fsync(file.fileno())
    if expected is not None and part.stat().st_size != expected:
        raise UserError(
            f"{address} was cut off: {part.stat().st_size} of {expected} bytes came; start the same command "
            "again, it goes on from there"
        )


def _too_large(address: str, size: int, most: int) -> UserError:
    return UserError(f"{address} has {size} bytes or more; a file of at most {most} was expected")


def _reason(error: BaseException) -> str:
    """The innermost cause, on one line."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return (str(error) or type(error).__name__).splitlines()[0][:200]
