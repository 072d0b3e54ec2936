"""From the files of a request to a PNG file."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from asap_lightning.app.card import ModelCard
from asap_lightning.app.refusals import Refusal
from asap_lightning.app.uploads import read_condition, read_guide, read_instances
from asap_lightning.data.source import StoredFile
from asap_lightning.errors import UserError
from asap_lightning.inference.memory import give_back, is_out_of_memory
from asap_lightning.inference.translator import Translator

_PNG_LEVEL = 1
"""zlib's fastest: pictures of 512 x 512 take a third of the time of its usual level, and 5 % more bytes."""


@dataclass
class Made:
    """A translated picture.

    Attributes:
        png: the file.
        pixels: of it.
        seconds: step -> how long it took.
    """

    png: bytes = b""
    pixels: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measures the block."""
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began


@dataclass(frozen=True)
class Wish:
    """What is to be translated.

    Attributes:
        image: the condition.
        guide: a photo whose style is taken.
        instance: the instance map, for models that use its edges.
        seed: of what the model draws.
    """

    image: StoredFile
    guide: StoredFile | None = None
    instance: StoredFile | None = None
    seed: int = 0


def translated(wish: Wish, translator: Translator, card: ModelCard) -> Made:
    """Reads, translates, writes.

    Raises:
        Refusal: 400 for damaged files, 422 for what does not fit the model, 503 where memory is not enough.
    """
    made = Made()
    try:
        with made.step("read"):
            condition = read_condition(wish.image, card)
            guide = read_guide(wish.guide) if wish.guide is not None else None
            instance = read_instances(wish.instance) if wish.instance is not None else None
        with made.step("translate"):
            picture = translator(condition, instance, guide=guide, seed=wish.seed)
        with made.step("write"):
            made.png = as_png(picture)
    except Refusal:
        raise
    except UserError as error:
        raise Refusal(422, str(error)) from error
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        give_back()
        raise Refusal(503, "there is not enough memory for this picture now: make it smaller") from error
    made.pixels = picture.shape[0] * picture.shape[1]
    return made


def as_png(picture: NDArray[np.uint8]) -> bytes:
    """A picture (H, W, 3) as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=_PNG_LEVEL)
    return buffer.getvalue()
