"""CRC-32C (Castagnoli), as TensorFlow's files carry it, by NumPy and fast enough for hundreds of megabytes.

A checksum is linear. Many pieces of equal length go together, four bytes of each a step, through two tables
of 65,536 entries; then neighbours are joined: the left one, moved past the right one's bytes, xor the right.
"""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np

POLYNOMIAL = 0x82F63B78
PIECES, WORDS = 4096, 64
"""Most pieces at once, and the 32-bit words of each: chunks of 1 MiB."""
SHORT = 2048
"""Bytes that are taken one by one."""
_ALL = 0xFFFFFFFF


def crc32c(content: bytes | memoryview) -> int:
    """The checksum of some bytes."""
    data = np.frombuffer(content, np.uint8)
    state, place = _ALL, 0
    while len(data) - place >= SHORT:
        left = len(data) - place
        pieces = min(PIECES, 1 << (left // (4 * WORDS)).bit_length() - 1)
        words = WORDS if pieces == PIECES else left // (4 * pieces)
        size = 4 * words * pieces
        state = _moved(state, size) ^ _of_pieces(data[place : place + size], pieces, words)
        place += size
    table = _byte_table()
    for byte in data[place:].tobytes():
        state = table[(state ^ byte) & 255] ^ (state >> 8)
    return state ^ _ALL


def unmasked(stored: int) -> int:
    """The checksum behind a stored one, which is turned by 15 bits and has a constant added."""
    turned = (stored - 0xA282EAD8) & _ALL
    return (turned >> 17 | turned << 15) & _ALL


def _of_pieces(data: np.ndarray, pieces: int, words: int) -> int:
    """Of ``pieces`` (a power of two) of ``words`` words each, begun with zero."""
    low, high = _word_tables()
    states = np.zeros(pieces, np.uint32)
    for column in np.ascontiguousarray(data.view("<u4").reshape(pieces, words).T):
        states ^= column
        halves = states.astype("<u4", copy=False).view("<u2")
        states = low.take(halves[::2]) ^ high.take(halves[1::2])
    length = 4 * words
    while len(states) > 1:
        table = _shift(length)
        left, right = states[::2], states[1::2]
        states = table[0][left & 255] ^ table[1][left >> 8 & 255]
        states ^= table[2][left >> 16 & 255] ^ table[3][left >> 24] ^ right
        length *= 2
    return int(states[0])


@cache
def _byte_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


@cache
def _word_tables() -> tuple[np.ndarray, np.ndarray]:
    """What four bytes become, for their low and their high half: (65536,) each."""
    table = _shift(4)
    half = np.arange(65536)
    low = table[0][half & 255] ^ table[1][half >> 8]
    return low, table[2][half & 255] ^ table[3][half >> 8]


@lru_cache(maxsize=64)
def _shift(length: int) -> np.ndarray:
    """A state moved past ``length`` bytes of zeros, as tables of its four bytes: (4, 256)."""
    table = np.zeros((4, 256), np.uint32)
    for place in range(4):
        for bit in range(8):
            table[place, 1 << bit : 2 << bit] = table[place, : 1 << bit] ^ np.uint32(
                _moved(1 << (8 * place + bit), length)
            )
    return table


def _moved(state: int, length: int) -> int:
    """A state moved past ``length`` bytes of zeros."""
    power = 0
    while length:
        if length & 1:
            state = _times(_doubled(power), state)
        length >>= 1
        power += 1
    return state


@cache
def _doubled(power: int) -> tuple[int, ...]:
    """What becomes of each bit of a state behind 2^power bytes of zeros."""
    if power == 0:
        table = _byte_table()
        return tuple(table[1 << bit & 255] ^ (1 << bit >> 8) for bit in range(32))
    half = _doubled(power - 1)
    return tuple(_times(half, column) for column in half)


def _times(columns: tuple[int, ...], state: int) -> int:
    result = 0
    for bit, column in enumerate(columns):
        if state >> bit & 1:
            result ^= column
    return result
