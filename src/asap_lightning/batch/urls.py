"""A picture from an address that the user has listed: bounded in bytes and in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from asap_lightning.errors import UserError
from asap_lightning.untrusted.text import printable

REDIRECTS = 5
PAUSES = (1.0, 4.0)
"""Seconds before a request that failed is repeated."""
_BUSY = frozenset((408, 425, 429, 500, 502, 503, 504))


@dataclass(frozen=True)
class Bounds:
    """What an address may cost.

    Attributes:
        seconds: from the request to the last byte, for each try.
        bytes: of the answer.
        pauses: before each further try.
    """

    seconds: float = 60.0
    bytes: int = 64 * 2**20
    pauses: Sequence[float] = PAUSES


class _Passing(Exception):
    """What another try may not meet again."""


def fetch(url: str, bounds: Bounds) -> bytes:
    """The content at an ``http(s)://`` address; redirections are followed, to the web alone.

    Raises:
        UserError: not reachable, refused, too large, or too slow.
    """
    for pause in (*bounds.pauses, None):
        try:
            return asyncio.run(_get(url, bounds))
        except _Passing as error:
            if pause is None:
                raise UserError(f"{url}: {error}, {len(bounds.pauses) + 1} times") from error
            time.sleep(pause)
    raise AssertionError("unreachable")


async def _get(url: str, bounds: Bounds) -> bytes:
    import aiohttp

    try:
        # Whatever dribbles in, headers too, is given up after the time; no answer is unpacked here.
        async with (
            asyncio.timeout(bounds.seconds),
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.get(url, max_redirects=REDIRECTS, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            return await _content(url, answer, bounds)
    except TimeoutError as error:
        raise UserError(f"{url}: not there within {bounds.seconds:g} s (batch.url_seconds)") from error
    except aiohttp.TooManyRedirects as error:
        raise UserError(f"{url}: more than {REDIRECTS} redirections") from error
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise UserError(f"{url}: no address of the web, or one that leads out of it") from error
    except (aiohttp.ClientError, OSError) as error:
        raise _Passing(printable(str(error) or type(error).__name__, 200)) from error


async def _content(url: str, answer: object, bounds: Bounds) -> bytes:
    import aiohttp

    assert isinstance(answer, aiohttp.ClientResponse)
    if answer.status in _BUSY:
        raise _Passing(f"the server answers {answer.status}")
    if answer.status != 200:
        raise UserError(f"{url}: the server answers {answer.status} {printable(answer.reason or '', 80)}")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise UserError(f"{url}: the server packs its answer, which was not asked for")
    content = bytearray()
    async for part in answer.content.iter_chunked(2**16):
        content += part
        if len(content) > bounds.bytes:
            raise UserError(
                f"{url}: more than {bounds.bytes / 1e6:g} MB (batch.url_mb): no picture, or a larger one "
                "than is meant"
            )
    return bytes(content)
