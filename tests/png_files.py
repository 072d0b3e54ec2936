"""PNG files of every colour type, depth and row filter: no library lets one choose the filters."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [
    (colour, depth) for colour in CHANNELS for depth in (1, 2, 4, 8, 16) if depth >= 8 or colour in (0, 3)
]
KINDS.remove((3, 16))


def chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(content, zlib.crc32(name)))
    )


def filtered(kind: int, row: np.ndarray, above: np.ndarray, bpp: int) -> np.ndarray:
    """One row's bytes as the filter stores them (ISO/IEC 15948, 9.2)."""
    left = np.concatenate([np.zeros(bpp, int), row[:-bpp].astype(int)])[: row.size]
    corner = np.concatenate([np.zeros(bpp, int), above[:-bpp].astype(int)])[: row.size]
    up = above.astype(int)
    guess = left + up - corner
    a, b, c = (abs(guess - other) for other in (left, up, corner))
    paeth = np.where((a <= b) & (a <= c), left, np.where(b <= c, up, corner))
    predicted = (np.zeros(row.size, int), left, up, (left + up) // 2, paeth)[kind]
    return ((row - predicted) % 256).astype(np.uint8)


def png(
    path: Path, rows: np.ndarray, width: int, colour: int, depth: int, kinds: np.ndarray, pieces: int = 3
) -> Path:
    """Writes rows of packed bytes (H, N) with a filter each, in several IDAT chunks."""
    bpp, above, packed = max(1, CHANNELS[colour] * depth // 8), np.zeros(rows.shape[1], np.uint8), b""
    for kind, row in zip(kinds, rows, strict=True):
        packed += bytes([kind]) + filtered(int(kind), row, above, bpp).tobytes()
        above = row
    packed = zlib.compress(packed)
    header = struct.pack(">IIBBBBB", width, rows.shape[0], depth, colour, 0, 0, 0)
    palette = np.arange(768, dtype=np.uint8).tobytes()[: 3 << depth] if colour == 3 else b""
    size = -(-len(packed) // pieces)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"tEXt", b"Comment\0any")
        + (chunk(b"PLTE", palette) if palette else b"")
        + b"".join(chunk(b"IDAT", packed[i : i + size]) for i in range(0, len(packed), size))
        + chunk(b"IEND", b"")
    )
    return path
