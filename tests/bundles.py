"""TensorFlow's checkpoints written anew, for tests: apart from what reads them, and plain instead of fast."""

import struct
from pathlib import Path

import numpy as np

KINDS = {"float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int64": 9, "bool": 10, "float16": 19}
MAGIC = bytes.fromhex("57fb808b247547db")


def masked_sum(content):
    state = 0xFFFFFFFF
    for byte in content:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    state ^= 0xFFFFFFFF
    return ((state >> 15 | state << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(number):
    number &= 2**64 - 1
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def whole(field, number):
    return varint(field << 3) + varint(number)


def nested(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def shape_message(shape):
    return b"".join(nested(2, whole(1, side)) for side in shape)


def block(pairs, kind=0, every=16):
    """Entries that leave out what their key shares with the one before, but for one in ``every``."""
    out, restarts, last = b"", [], b""
    for number, (key, value) in enumerate(pairs):
        if number % every == 0:
            restarts.append(len(out))
            last = b""
        shared = next((i for i, (a, b) in enumerate(zip(key, last, strict=False)) if a != b), None)
        shared = min(len(key), len(last)) if shared is None else shared
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    out += b"".join(struct.pack("<I", place) for place in restarts or [0])
    out += struct.pack("<I", len(restarts or [0])) + bytes([kind])
    return out + struct.pack("<I", masked_sum(out))


def table(pairs, each=40, kind=0):
    """A table of ``each`` entries a block."""
    pairs, out, handles = sorted(pairs), b"", []
    for first in range(0, max(len(pairs), 1), each):
        some = pairs[first : first + each]
        made = block(some, kind)
        handles.append((some[-1][0] if some else b"", varint(len(out)) + varint(len(made) - 5)))
        out += made
    ends = []
    for made in (block([]), block(handles, kind)):
        ends.append(varint(len(out)) + varint(len(made) - 5))
        out += made
    return out + b"".join(ends).ljust(40, b"\0") + MAGIC


def entry(kind, shape, start, size, checksum, file=0):
    places = whole(3, file) + whole(4, start) + whole(5, size)
    return whole(1, kind) + nested(2, shape_message(shape)) + places + b"\x35" + struct.pack("<I", checksum)


def write_bundle(prefix: Path, arrays: dict[str, np.ndarray], files: int = 1, checks: bool = True) -> Path:
    """PREFIX.index and its files of numbers, variables in turn; returns the prefix."""
    data = [b""] * files
    pairs = [(b"", whole(1, files) + nested(3, whole(1, 1)))]
    for number, (name, array) in enumerate(sorted(arrays.items())):
        content, file = np.ascontiguousarray(array).tobytes(), number % files
        sums = masked_sum(content) if checks else 0
        row = entry(KINDS[str(array.dtype)], array.shape, len(data[file]), len(content), sums, file)
        pairs.append((name.encode(), row if checks else row[:-5]))
        data[file] += content
    prefix.parent.mkdir(parents=True, exist_ok=True)
    prefix.with_name(prefix.name + ".index").write_bytes(table(pairs))
    for file, content in enumerate(data):
        prefix.with_name(f"{prefix.name}.data-{file:05d}-of-{files:05d}").write_bytes(content)
    return prefix


def write_slices(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """The first format: one file."""
    listed, pairs = b"", []
    for name, array in sorted(arrays.items()):
        everything = nested(1, b"") * array.ndim
        kind = KINDS[str(array.dtype)]
        listed += nested(
            1, nested(1, name.encode()) + nested(2, shape_message(array.shape)) + whole(3, kind)
            + nested(4, everything),
        )  # fmt: skip
        field = {1: 5, 2: 6, 3: 7, 9: 10, 10: 11, 19: 13}[kind]
        if kind in (1, 2):
            values = array.tobytes()
        else:
            numbers = array.view(np.uint16) if kind == 19 else array
            values = b"".join(varint(int(number)) for number in numbers.flat)
        data = nested(1, name.encode()) + nested(2, everything) + nested(3, nested(field, values))
        pairs.append((b"\0" + name.encode(), nested(2, data)))
    pairs.append((b"", nested(1, listed)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(table(pairs, each=3))
    return path
