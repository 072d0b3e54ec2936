"""Which files go by strips, and what the options mean."""

import numpy as np
import pytest
from PIL import Image

import small
from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.inference.large import choice
from asap_lightning.inference.large.choice import LargeOptions, parse_large
from asap_lightning.models import UNetGenerator

SPEC = ConditionSpec(num_classes=3)


@pytest.fixture(scope="module")
def translator():
    return Translator.from_generator(small.asap_generator(SPEC), device="cpu")


@pytest.fixture(scope="module")
def other():
    return Translator.from_generator(UNetGenerator(SPEC, **small.NETWORKS["UNetGenerator"]), device="cpu")


def test_the_size_decides_and_arrays_always_go_by_strips(tmp_path, translator, other, monkeypatch):
    Image.fromarray(np.zeros((50, 40), np.uint8)).save(tmp_path / "a.png")
    np.save(tmp_path / "b.npy", np.zeros((5, 4), np.uint8))
    (tmp_path / "c.png").write_bytes(b"no picture")
    automatic = parse_large("auto", "png", 512, translator)
    assert not automatic.by_strips(translator, tmp_path / "a.png")
    assert automatic.by_strips(translator, tmp_path / "b.npy")
    assert not automatic.by_strips(translator, tmp_path / "c.png"), "reading it says what it is"
    monkeypatch.setattr(choice, "MOST_IN_MEMORY", choice.BYTES_A_PIXEL * 1999)
    assert automatic.by_strips(translator, tmp_path / "a.png")
    assert LargeOptions("auto", "zarr").suffix(translator, tmp_path / "a.png") == ".zarr"
    assert not parse_large("never", "png", 512, translator).by_strips(translator, tmp_path / "a.png")
    assert not parse_large("auto", "png", 512, other).by_strips(other, tmp_path / "a.png")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("sometimes", "tiff", 512), "large=sometimes: one of auto, always, never was expected"),
        (("auto", "jpeg", 512), "large_format=jpeg: one of tiff, png, zarr, cog was expected"),
        (("auto", "tiff", 1), "large_memory=1: MiB from 64 on were expected"),
        (("auto", "tiff", True), "large_memory=True"),
    ],
)
def test_options_that_mean_nothing(translator, given, message):
    with pytest.raises(UserError, match=message):
        parse_large(*given, translator)


def test_a_network_that_needs_the_whole_image_is_not_asked_to_go_by_strips(other):
    with pytest.raises(UserError, match="UNetGenerator needs the whole image"):
        parse_large("always", "png", 512, other)
