"""Whether a file's format changes pixel values, which no class id survives."""

from __future__ import annotations

from io import BytesIO

from asap_lightning.data.formats import TIFF_SIGNATURES, open_picture, open_tiff
from asap_lightning.data.source import Source, StoredFile
from asap_lightning.errors import UserError

_LOSSLESS = (b"\x89PNG\r\n\x1a\n", b"BM", b"GIF8", b"P5", b"P6")
# AVIF and JPEG 2000 have lossless modes, but nothing in their headers tells one from a file that was cut down
# to a size, so neither is trusted with ids.
_LOSSY = {
    "JPEG": "a JPEG",
    "MPO": "a JPEG (MPO)",
    "AVIF": "an AVIF",
    "HEIF": "a HEIF",
    "JPEG2000": "a JPEG 2000 file",
    "DDS": "a DDS texture",
    "BLP": "a BLP texture",
    "FTEX": "an FTEX texture",
}
_LOSSY_TIFF = frozenset({"jpeg", "tiff_jpeg", "webp", "tiff_sgilog", "tiff_sgilog24"})


def lossy_format(source: Source) -> str | None:
    """What a file is, in words, if its format changes values; None if it keeps them.

    Judged by the content, not by the name; only headers are read. A file that cannot be read gives None:
    decoding it says what is wrong.
    """
    head = _beginning(source, 16)
    if head.startswith(_LOSSLESS):
        return None
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "a lossy WebP" if _has_lossy_frame(_beginning(source, None)) else None
    try:
        with open_tiff(source) if head.startswith(TIFF_SIGNATURES) else open_picture(source) as image:
            if image.format == "TIFF" and image.info.get("compression") in _LOSSY_TIFF:
                return "a TIFF with lossy compression"
            return _LOSSY.get(image.format or "")
    except Exception:  # whatever a damaged file makes of Pillow
        return None


def require_lossless(source: Source, what: str, remedy: str) -> None:
    """Refuses a file of ids in a lossy format.

    Args:
        source: the file.
        what: it is, in words: ``label map``.
        remedy: what else helps, as the end of the message.

    Raises:
        UserError: the format changes values.
    """
    if (lossy := lossy_format(source)) is not None:
        raise UserError(
            f"{source} is {lossy}, a format that changes pixel values, so its ids cannot be trusted as a "
            f"{what}: as JPEG of quality 90, 11 to 36 % of the pixels of drawn facades had another id. "
            f"Save the {what}s anew as PNG, from the original ids{remedy}"
        )


def _beginning(source: Source, count: int | None) -> bytes:
    if isinstance(source, StoredFile):
        return source.content[:count]
    try:
        with source.open("rb") as file:
            return file.read(-1 if count is None else count)
    except OSError:
        return b""


def _has_lossy_frame(content: bytes) -> bool:
    """Whether a WebP holds a ``VP8`` picture; those without loss are ``VP8L``."""
    file = BytesIO(content)
    file.seek(12)
    while len(header := file.read(8)) == 8:
        name, size = header[:4], int.from_bytes(header[4:], "little")
        if name == b"VP8 ":
            return True
        if name == b"ANMF":  # a frame of an animation: 16 bytes, then chunks of its own
            file.seek(16, 1)
        else:
            file.seek(size + size % 2, 1)
    return False
