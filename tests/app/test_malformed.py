"""A thousand uploads that are spoiled at random: each is answered as documented, and the service goes on."""

from __future__ import annotations

import gc
import io
import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from asap_lightning.app.refusals import MEANINGS

from .conftest import layout, png

COUNT = 1000
BOUNDARY = "spoiled"


def form(content: bytes, name: str = "image") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"\r\n'
    return f"{head}Content-Type: image/png\r\n\r\n".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def flipped(data: bytes, draw: random.Random) -> bytes:
    """Some bits turned round."""
    spoiled = bytearray(data)
    for _ in range(draw.randint(1, 8)):
        spoiled[draw.randrange(len(spoiled))] ^= 1 << draw.randrange(8)
    return bytes(spoiled)


def cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data))]


def swapped(data: bytes, draw: random.Random) -> bytes:
    """Two pieces in each other's place."""
    one, two, three = sorted(draw.sample(range(len(data)), 3))
    return data[:one] + data[two:three] + data[one:two] + data[three:]


def repeated(data: bytes, draw: random.Random) -> bytes:
    start, end = sorted(draw.sample(range(len(data)), 2))
    return data[:end] + data[start:end] * draw.randint(1, 5) + data[end:]


def noise(data: bytes, draw: random.Random) -> bytes:
    return data[:8] + draw.randbytes(draw.randrange(1, 2000))


SPOILED: tuple[Callable[[bytes, random.Random], bytes], ...] = (flipped, cut, swapped, repeated, noise)


def originals() -> list[bytes]:
    label = layout(24, 40)
    photo = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    made = [png(label), png(photo)]
    for kind in ("JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        buffer = io.BytesIO()
        Image.fromarray(photo).save(buffer, kind)
        made.append(buffer.getvalue())
    return made


# Starlette leaves the file of a part that never ends to the garbage collector; no other test is to see it.
@pytest.mark.filterwarnings("ignore:Exception ignored in.*SpooledTemporaryFile")
def test_a_thousand_malformed_uploads(client: TestClient) -> None:
    draw, files = random.Random(0), originals()
    expected = client.post("/translate", files={"image": ("a.png", files[0])}).content
    kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    statuses: Counter[int] = Counter()
    for number in range(COUNT):
        spoil, content = draw.choice(SPOILED), draw.choice(files)
        # a spoiled file in a sound form, or a spoiled form around a sound file
        body = form(spoil(content, draw)) if number % 4 else spoil(form(content), draw)
        answer = client.post("/translate", content=body, headers=kind)
        statuses[answer.status_code] += 1
        assert answer.status_code == 200 or answer.status_code in MEANINGS, answer.text
        if answer.status_code != 200:
            assert "\n" not in answer.text.strip() and "Traceback" not in answer.text
    again = client.post("/translate", files={"image": ("a.png", files[0])})
    assert again.status_code == 200 and again.content == expected
    gc.collect()
    assert statuses[400] > 50 and statuses[415] > 100 and statuses[422] > 50, statuses
