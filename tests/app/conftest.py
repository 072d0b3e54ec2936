"""A tiny model behind the application, in the test's own process."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from asap_lightning.app.application import make_app
from asap_lightning.app.card import ModelCard
from asap_lightning.app.limits import Limits
from asap_lightning.condition import ConditionSpec
from asap_lightning.data.layouts.classes import CMP, names
from asap_lightning.inference import Translator
from small import asap_generator

SPEC = ConditionSpec(num_classes=13, class_names=names(CMP))
LIMITS = Limits(upload_mb=0.2, megapixels=0.1, waiting=2, seconds=30, body_seconds=10)


def make_translator(spec: ConditionSpec = SPEC, **settings: Any) -> Translator:
    """Random weights, the same ones each time."""
    torch.manual_seed(0)
    return Translator.from_generator(asap_generator(spec, **settings), device="cpu")


@pytest.fixture(scope="session")
def translator() -> Translator:
    """A small ASAP-Net for CMP's classes."""
    return make_translator()


@pytest.fixture
def client(translator: Translator) -> Iterator[TestClient]:
    """Of the application."""
    with TestClient(make_app(translator, ModelCard.of(translator, "small"), limits=LIMITS)) as client:
        yield client


def png(pixels: NDArray, mode: str | None = None, **options: Any) -> bytes:
    """The bytes of a PNG file, or of another ``format``."""
    image = Image.fromarray(pixels)
    if mode is not None:
        image = image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, options.pop("format", "PNG"), **options)
    return buffer.getvalue()


def layout(height: int = 24, width: int = 40) -> NDArray[np.uint8]:
    """A label map of all classes."""
    return np.random.default_rng(3).integers(0, 13, (height, width), dtype=np.uint8)
