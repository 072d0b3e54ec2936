"""What a translator may be called with: arrays, pictures, files and tensors, alone and together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

import small
from asap_lightning.checkpoint import ModelDescription
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator, to_uint8
from asap_lightning.model_file import write_model
from asap_lightning.models import SpadeGenerator, UNetGenerator

LABELS = ConditionSpec("label", num_classes=3)
COLOURS = [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
LAYOUT = {
    "_target_": "asap_lightning.data.layouts.SpadeFolders",
    "_partial_": True,
    "num_classes": 3,
    "palette": COLOURS,
}


def lively(generator):
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    return generator.eval()


@pytest.fixture(scope="module")
def translator(tmp_path_factory) -> Translator:
    """Of a model whose training read colours of classes."""
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    target = {"_target_": "asap_lightning.models.AsapGenerator", **small.ASAP}
    description = ModelDescription(LABELS.as_dict(), target, config={"data": {"layout": LAYOUT}})
    write_model(path, description, lively(small.asap_generator(LABELS)).state_dict())
    return Translator.load(path, device="cpu")


@pytest.fixture
def label() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, (10, 17), dtype=np.uint8)


def test_pictures_and_files_are_read_as_the_training_read_its_own(translator, label, tmp_path):
    expected = translator(label)
    picture = Image.fromarray(np.array(COLOURS, np.uint8)[label])
    picture.save(tmp_path / "label.png")
    for given in (picture, tmp_path / "label.png", str(tmp_path / "label.png")):
        image = translator(given)
        assert isinstance(image, Image.Image) and np.array_equal(np.asarray(image), expected)


def test_tensors_are_a_batch_and_stay_tensors(translator, label):
    both = torch.from_numpy(np.stack([label, label[::-1]]))
    images = translator(both)
    assert images.shape == (2, 3, 10, 17) and images.min() >= -1 and images.max() <= 1
    for one, image in zip(both.numpy(), images, strict=True):
        assert np.array_equal(to_uint8(image).permute(1, 2, 0).numpy(), translator(one))


def test_continuous_tensors(tmp_path):
    spec = ConditionSpec("image", channels=3)
    translator = Translator.from_generator(lively(small.asap_generator(spec)), device="cpu")
    image = torch.rand(2, 3, 8, 8) * 2 - 1
    assert torch.equal(translator(image), translator.translate(Condition(image=image)))
    for wrong, message in (
        (image[0], r"\(B, 3, H, W\)"),
        (image * 3, "floats in \\[-1, 1\\], got float32 from"),
        (image.to(torch.uint8), "floats in"),
        (image.new_full(image.shape, float("nan")), "floats in"),
    ):
        with pytest.raises(UserError, match=message):
            translator(wrong)


def test_instance_maps_come_along_as_tensors():
    spec = ConditionSpec("label", num_classes=3, instance_edges=True)
    translator = Translator.from_generator(lively(small.asap_generator(spec)), device="cpu")
    label, instance = torch.randint(0, 3, (2, 2, 8, 8))
    images = translator(label, instance)
    assert torch.equal(images, translator.translate(Condition(label=label, instance=instance)))
    with pytest.raises(UserError, match="instance maps"):
        translator(label, instance[:, :4])


def test_a_list_of_any_sizes_keeps_its_order(translator, label):
    several = [label, label[:8], label[::-1].copy(), Image.fromarray(np.array(COLOURS, np.uint8)[label])]
    images = translator.batch(several)
    assert [image.shape for image in images] == [(10, 17, 3), (8, 17, 3), (10, 17, 3), (10, 17, 3)]
    for given, image in zip(several, images, strict=True):
        assert np.array_equal(image, np.asarray(translator(given)))
    assert translator.batch([]) == []


@pytest.mark.parametrize(
    ("generator", "independent"),
    [
        (UNetGenerator(LABELS, **small.NETWORKS["UNetGenerator"]), False),
        (SpadeGenerator(LABELS, **small.NETWORKS["SpadeGenerator"]), False),
        (small.asap_generator(LABELS), True),
    ],
    ids=["UNet", "Spade", "Asap"],
)
def test_what_a_batch_would_change_is_translated_one_by_one(generator, independent):
    translator = Translator.from_generator(lively(generator), device="cpu")
    assert generator.independent is independent
    labels = [np.random.default_rng(seed).integers(0, 3, (128, 128)) for seed in range(2)]
    for label, image in zip(labels, translator.batch(labels, seed=3), strict=True):
        difference = np.abs(image.astype(int) - translator(label, seed=3)).max()
        assert difference <= int(independent), "a batch may round otherwise, and do no more"


def test_threads_share_a_translator(translator, label):
    labels = [np.roll(label, shift) for shift in range(8)]
    expected = [translator(one) for one in labels]
    with ThreadPoolExecutor(4) as threads:
        for image, wanted in zip(threads.map(translator, labels), expected, strict=True):
            assert np.array_equal(image, wanted)


@pytest.mark.parametrize("kind", ["label", "image", "depth"])
@pytest.mark.parametrize("edges", [False, True])
def test_warming_up_needs_nothing_but_a_size(kind, edges):
    spec = ConditionSpec(
        kind, num_classes=3 * (kind == "label"), channels=(kind != "label"), instance_edges=edges
    )
    Translator.from_generator(lively(small.asap_generator(spec)), device="cpu").warmup(9, 14)


@pytest.mark.parametrize("wrong", [None, 3, [[1, 2]], b"bytes"])
def test_anything_else_is_refused(translator, wrong):
    with pytest.raises(UserError, match="an array, a tensor, a picture or the path of a file"):
        translator(wrong)


def test_colours_that_stand_for_no_class_are_named(translator):
    with pytest.raises(UserError, match=r"the picture.*1, 2, 3"):
        translator(Image.new("RGB", (8, 8), (1, 2, 3)))


def test_a_computation_in_16_bits_is_for_gpus(translator):
    with pytest.raises(UserError, match=r"dtype=torch\.float16 is for CUDA GPUs"):
        Translator(translator.checkpoint, device="cpu", dtype=torch.float16)
    assert Translator(translator.checkpoint, device="cpu", dtype=torch.float32)
