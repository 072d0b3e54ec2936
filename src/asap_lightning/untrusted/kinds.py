"""What a file is, told from its first bytes: for files that are not what their name says."""

from __future__ import annotations

import re

HEAD = 512
"""Bytes that `what_is` wants."""
ZIP, PICKLE = b"PK\x03\x04", b"\x80"

_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "a gzip archive: unpack it first (gunzip, or tar xzf)"),
    (b"BZh", "a bzip2 archive: unpack it first"),
    (b"\xfd7zXZ\x00", "an xz archive: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"\x89HDF", "an HDF5 file, as Keras and MATLAB write"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program (ELF)"),
    (b"GGUF", "a GGUF file"),
    (
        b"version https://git-lfs",
        "the pointer that git keeps instead of a large file: run 'git lfs pull' where it was cloned, or "
        "download the file itself",
    ),
)
_ONNX = re.compile(rb"\x08[\x01-\x20](?:\x12.[ -~]{3,}|:.)", re.DOTALL)
_SAFETENSORS = re.compile(rb'.{8}\{\s*"', re.DOTALL)


def what_is(head: bytes) -> str | None:
    """What a file is in a person's words, with what to do; None if it may be a file of weights.

    Args:
        head: its first `HEAD` bytes.
    """
    if not head:
        return "empty (0 bytes): the download or copy has failed; fetch it again"
    if not head.strip(b"\0"):
        return "nothing but zeros at its beginning: an interrupted download or copy; fetch it again"
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind
    if head[257:262] == b"ustar":
        return (
            "a tar archive: unpack it first. (PyTorch 0.1 wrote checkpoints as tar too: load such a one with "
            "an old PyTorch and save it again)"
        )
    return _model_file(head) or _text(head)


def _model_file(head: bytes) -> str | None:
    if _SAFETENSORS.match(head) and int.from_bytes(head[:8], "little") < 2**40:
        return "a safetensors file: make it one of PyTorch: torch.save(safetensors.torch.load_file(..))"
    if _ONNX.match(head):
        return "an ONNX model: a network for other programs, from which no weights are read here"
    return None


def _text(head: bytes) -> str | None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or b"<html" in start:
        return (
            "a web page (HTML): the download brought a page, perhaps to log in or to confirm, instead of the "
            "file; download it again in a browser"
        )
    if start.startswith((b"<?xml", b"<error")):
        return "XML, as a server answers instead of a file that it refuses or lacks; download it again"
    if re.match(rb'[\[{]\s*(["\[{\]}]|\d)', start):
        return "JSON text, perhaps a server's error message; download the file again"
    return None
