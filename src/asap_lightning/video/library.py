"""PyAV, where it is installed, and FFmpeg's errors in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from asap_lightning.errors import UserError
from asap_lightning.untrusted.text import printable


def pyav() -> ModuleType:
    """The module ``av``.

    Raises:
        UserError: it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise UserError(
            "videos and cameras need PyAV, which is not installed: pip install 'asap-lightning[video]'; "
            "folders of pictures are translated by 'asap predict' without it"
        ) from error
    return av


def said(error: BaseException) -> str:
    """FFmpeg's words on an error."""
    return printable(str(getattr(error, "strerror", None) or error), 200)


@contextmanager
def failing_as(beginning: str, remedy: str) -> Iterator[None]:
    """Turns what FFmpeg raises inside the block into a `UserError`: beginning, FFmpeg's words, remedy."""
    av = pyav()
    try:
        yield
    except av.FFmpegError as error:
        raise UserError(f"{beginning}: {said(error)}. {remedy}") from error
