"""Valid files with damage and malice in them, each decided by a seed."""

from __future__ import annotations

import io
import json
import random
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import bundles
from asap_lightning.untrusted.tables import entries

NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
WORDS = (
    *(
        b"os\nsystem\n",
        b"cposix\nsystem\n",
        b"builtins\neval\n",
        b"torch\nUntypedStorage\n",
        b"O8",
        b"../../x",
    ),
    *(
        b"R",
        b"b",
        b"\x81",
        b"\x92",
        b"(",
        b".",
        b"]",
        b"}",
        b"a",
        b"u",
        b"h\x00",
        b"q\x00",
        b"Q",
        b"\x8a",
        b"2",
    ),
)
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2**31,
        2**63,
        2**70,
        1e308,
        float("nan"),
        float("inf"),
        "",
        "x",
        "../x",
        "/x",
    ),
    *(
        "a\0b",
        "${oc.env:HOME}",
        "x" * 3000,
        [],
        {},
        [[]],
        {"_target_": "os.system"},
        [1, "x", None],
        "os.system",
    ),
    *("asap_lightning.files.remove_if_there", "label", "float32", {"a": {"b": [1]}}, 10**6, 65_536, 3.7, "3"),
)


def mutate_bytes(random_: random.Random, content: bytes) -> bytes:
    """One to eight changes anywhere."""
    spoiled = bytearray(content)
    for _ in range(random_.choice((1, 1, 1, 2, 4, 8))):
        if spoiled:
            random_.choice(_CHANGES)(random_, spoiled)
    return bytes(spoiled)


def _flip(random_: random.Random, content: bytearray) -> None:
    content[random_.randrange(len(content))] ^= 1 << random_.randrange(8)


def _overwrite(random_: random.Random, content: bytearray) -> None:
    content[random_.randrange(len(content))] = random_.randrange(256)


def _number(random_: random.Random, content: bytearray) -> None:
    width, order = random_.choice((1, 2, 4, 8)), random_.choice(("little", "big"))
    place = random_.randrange(len(content))
    number = (random_.choice(NUMBERS) % 2 ** (8 * width)).to_bytes(width, order)
    content[place : place + width] = number


def _cut(random_: random.Random, content: bytearray) -> None:
    place = random_.randrange(len(content))
    del content[place : place + random_.choice((1, 4, 64, len(content)))]


def _repeat(random_: random.Random, content: bytearray) -> None:
    start = random_.randrange(len(content))
    part = content[start : start + random_.choice((1, 8, 64, 512))]
    place = random_.randrange(len(content))
    content[place:place] = part * random_.choice((1, 1, 3, 50))


def _word(random_: random.Random, content: bytearray) -> None:
    place = random_.randrange(len(content))
    word = random_.choice(WORDS)
    content[place : place + random_.choice((0, len(word)))] = word


_CHANGES: tuple[Callable[[random.Random, bytearray], None], ...] = (
    _flip,
    _overwrite,
    _number,
    _cut,
    _repeat,
    _word,
)


def mutate_tree(random_: random.Random, node: Any) -> Any:
    """Plain data with one to three values, names or places changed."""
    for _ in range(random_.choice((1, 1, 2, 3))):
        node = _mutate_node(random_, node)
    return node


def _mutate_node(random_: random.Random, node: Any) -> Any:
    if isinstance(node, dict | list | tuple) and node and random_.random() < 0.85:
        entries = dict(node) if isinstance(node, dict) else dict(enumerate(node))
        key = random_.choice(list(entries))
        change = random_.random()
        if change < 0.1:
            del entries[key]
        elif change < 0.2 and isinstance(node, dict):
            entries[random_.choice(("evil", "_target_", "../x", ""))] = entries.pop(key)
        elif change < 0.25:
            entries[random_.choice(list(entries))] = entries[key]
        else:
            entries[key] = _mutate_node(random_, entries[key])
        return entries if isinstance(node, dict) else list(entries.values())
    if isinstance(node, str) and node and random_.random() < 0.4:
        return mutate_bytes(random_, node.encode()).decode("latin1")
    return random_.choice(VALUES)


def mutate_json(random_: random.Random, content: bytes) -> bytes:
    """JSON with other values, or with damage."""
    if random_.random() < 0.2:
        return mutate_bytes(random_, content)
    return json.dumps(mutate_tree(random_, json.loads(content))).encode()


def mutate_zip(random_: random.Random, content: bytes) -> bytes:
    """A zip file with damage, or with damaged members whose checksums are right again."""
    if random_.random() < 0.25:
        return mutate_bytes(random_, content)
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(out, "w") as new,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # names that occur twice
        names = old.namelist()
        chosen = next(name for name in names if name.endswith("data.pkl"))
        if random_.random() < 0.2:
            chosen = random_.choice(names)
        for name in names:
            part = old.read(name)
            new.writestr(name, mutate_bytes(random_, part) if name == chosen else part)
    return out.getvalue()


def mutate_png(random_: random.Random, content: bytes) -> bytes:
    """A PNG file with damage, or with damaged chunks whose checksums are right again."""
    if random_.random() < 0.25:
        return mutate_bytes(random_, content)
    chunks, place = [], 8
    while place < len(content):
        (length,) = struct.unpack_from(">I", content, place)
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    chosen = random_.randrange(len(chunks))
    kind, data = chunks[chosen]
    if kind == b"IDAT" and random_.random() < 0.5:
        data = zlib.compress(mutate_bytes(random_, zlib.decompress(data)))
    else:
        data = mutate_bytes(random_, data)
    chunks[chosen] = (kind, data)
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return content[:8] + b"".join(parts)


def mutate_table(random_: random.Random, content: bytes) -> bytes:
    """A table of TensorFlow's with damage, or with spoiled names and values and right checksums."""
    if random_.random() < 0.25:
        return mutate_bytes(random_, content)
    pairs = [(key, bytes(value)) for key, value in entries(memoryview(content))]
    for _ in range(random_.choice((1, 1, 2, 3))):
        chosen = random_.randrange(len(pairs))
        key, value = pairs[chosen]
        change = random_.random()
        if change < 0.1:
            del pairs[chosen]
        elif change < 0.25:
            pairs[chosen] = mutate_bytes(random_, key or b"x"), value
        elif change < 0.35:
            pairs[chosen] = key, random_.choice(pairs)[1]
        else:
            pairs[chosen] = key, mutate_bytes(random_, value or b"x")
    return bundles.table(pairs or [(b"x", b"")], each=random_.choice((1, 3, 40)))
