"""A file translated by strips is the file translated in memory, whatever it is; mistakes leave nothing."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import small
from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator, rendering
from asap_lightning.inference.large import translate_large
from asap_lightning.models import AsapGenerator, UNetGenerator
from asap_lightning.models.asap import stripwise, stripwise_generator

LABELS = ConditionSpec(num_classes=4, has_unknown=True)
EDGES = ConditionSpec(num_classes=4, instance_edges=True)
RANDOM = np.random.default_rng(0)
SIZES = [(16, 16), (37, 53), (64, 31), (5, 90)]


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setattr(stripwise, "STRIP_BYTES", 1)
    monkeypatch.setattr(stripwise, "LEAST_ROWS", 3)
    monkeypatch.setattr(stripwise_generator, "BLOCK_BYTES", 60_000)


def translator(spec, **changes):
    torch.manual_seed(0)
    generator = AsapGenerator(spec, **{**small.ASAP, "s1": 2, **changes})
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    return Translator.from_generator(generator, device="cpu")


def picture(path):
    with Image.open(path) as opened:
        return np.asarray(opened).astype(int)


def same(given, expected):
    """Equal but for the rounding of float32, which may turn a level."""
    return given.shape == expected.shape and np.abs(given.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize("size", SIZES)
def test_labels_with_unknown_of_any_size(tmp_path, size):
    model = translator(LABELS)
    ids = RANDOM.choice([0, 1, 2, 3, 255], size).astype(np.uint8)
    Image.fromarray(ids).save(tmp_path / "a.png")
    translate_large(model, tmp_path / "a.png", tmp_path / "b.png", memory=0)
    assert same(picture(tmp_path / "b.png"), model(ids))


@pytest.mark.parametrize("size", SIZES)
def test_photos_of_any_size(tmp_path, size):
    model = translator(ConditionSpec(kind="image", channels=3))
    photo = RANDOM.integers(0, 256, (*size, 3)).astype(np.uint8)
    Image.fromarray(photo).save(tmp_path / "a.tif")
    translate_large(model, tmp_path / "a.tif", tmp_path / "b.png")
    assert same(picture(tmp_path / "b.png"), model(photo))


def test_depths(tmp_path):
    model = translator(ConditionSpec(kind="depth", channels=1))
    metres = RANDOM.random((37, 21)).astype(np.float32) * 10
    np.save(tmp_path / "a.npy", metres / np.float32(0.001))
    translate_large(model, tmp_path / "a.npy", tmp_path / "b.png")
    assert same(picture(tmp_path / "b.png"), model(metres / 5 - 1))


def test_edges_of_instances(tmp_path):
    model = translator(EDGES)
    ids, instances = RANDOM.integers(0, 4, (37, 53)), RANDOM.integers(0, 1000, (37, 53))
    Image.fromarray(ids.astype(np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(instances.astype(np.uint16)).save(tmp_path / "i.png")
    translate_large(model, tmp_path / "a.png", tmp_path / "b.png", instance=tmp_path / "i.png")
    assert same(picture(tmp_path / "b.png"), model(ids, instances))
    with pytest.raises(UserError, match="an instance map is needed"):
        translate_large(model, tmp_path / "a.png", tmp_path / "c.png")
    Image.fromarray(instances[1:].astype(np.uint16)).save(tmp_path / "i.png")
    with pytest.raises(UserError, match=r"i\.png has 36 x 53 pixels"):
        translate_large(model, tmp_path / "a.png", tmp_path / "c.png", instance=tmp_path / "i.png")
    assert not (tmp_path / "c.png").exists()


def test_palettes_wide_ids_and_colours_mean_what_they_mean_in_memory(tmp_path):
    model, ids = translator(LABELS), RANDOM.integers(0, 4, (33, 20)).astype(np.uint8)
    colours = np.array([[9, 8, 7], [0, 0, 0], [200, 1, 1], [255, 255, 255]], np.uint8)
    expected = model(ids)
    indexed = Image.fromarray(ids, "L").convert("P")
    indexed = Image.frombytes("P", indexed.size, ids.tobytes())
    indexed.putpalette(colours.tobytes())
    indexed.save(tmp_path / "p.png")
    Image.fromarray(ids.astype(np.uint16)).save(tmp_path / "w.png")
    Image.fromarray(colours[ids]).save(tmp_path / "c.tif")
    np.save(tmp_path / "n.npy", ids.astype(np.int64))
    for name, options in {
        "p.png": {},
        "w.png": {},
        "n.npy": {},
        "c.tif": {"palette": colours.tolist()},
    }.items():
        translate_large(model, tmp_path / name, tmp_path / "b.png", **options)
        assert same(picture(tmp_path / "b.png"), expected), name


def test_a_call_with_a_large_array_goes_by_strips_and_gives_the_same(monkeypatch):
    model, ids = translator(EDGES), RANDOM.integers(0, 4, (37, 53))
    instances = RANDOM.integers(0, 9, (37, 53))
    expected = model(ids, instances)
    monkeypatch.setattr(rendering, "AT_ONCE", 0)
    assert same(model(ids, instances), expected)
    with pytest.raises(UserError, match="instance map is"):
        model(ids, instances[1:])
    with pytest.raises(UserError, match="outside the model's classes"):
        model(ids + 1, instances)
    first, second = translator(LABELS).batch([ids, ids[:20]])
    assert first.shape == (37, 53, 3) and second.shape == (20, 53, 3)


def test_progress_goes_from_nothing_to_all(tmp_path):
    told = []
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(tmp_path / "a.png")
    translate_large(translator(LABELS), tmp_path / "a.png", tmp_path / "b.png", progress=told.append)
    assert told == sorted(told) and told[0] > 0 and told[-1] == 1


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-200])


def spoiled(path):
    ids = np.asarray(Image.open(path)).copy()
    ids[30, 5] = 77
    Image.fromarray(ids).save(path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(cut_off, r"a\.png cannot be decoded"), (spoiled, r"a\.png: label id 77 .*\(in rows \d+ to \d+\)")],
)
def test_a_mistake_in_the_file_names_it_and_leaves_nothing(tmp_path, spoil, message):
    Image.fromarray(RANDOM.integers(0, 4, (60, 60)).astype(np.uint8)).save(tmp_path / "a.png")
    spoil(tmp_path / "a.png")
    with pytest.raises(UserError, match=message):
        translate_large(translator(LABELS), tmp_path / "a.png", tmp_path / "out" / "b.png")
    assert not any((tmp_path / "out").iterdir())


def test_a_model_that_needs_the_whole_image_is_refused(tmp_path):
    other = Translator.from_generator(UNetGenerator(LABELS, **small.NETWORKS["UNetGenerator"]), device="cpu")
    with pytest.raises(UserError, match="UNetGenerator needs the whole image"):
        translate_large(other, tmp_path / "a.png", tmp_path / "b.png")


MEASURED = """
import json, resource, sys
import torch
from asap_lightning.condition import ConditionSpec
from asap_lightning.inference import Translator
from asap_lightning.inference.large import translate_large
from asap_lightning.models import AsapGenerator
from asap_lightning.models.asap.stripwise_generator import whole_bytes

torch.set_num_threads(1)
sizes = {"mlp_width": 4, "mlp_depth": 2, "lowres_width": 8, "lowres_max_width": 16, "lowres_depth": 1}
generator = AsapGenerator(ConditionSpec(num_classes=12), s1=1, s2=4, **sizes)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
translator = Translator.from_generator(generator, device="cpu")
translate_large(translator, sys.argv[1], sys.argv[3])
before = peak()
translate_large(translator, sys.argv[2], sys.argv[3])
print(json.dumps([peak() - before, whole_bytes(generator, 3000, 3000) / 2**20]))
"""


def test_memory_does_not_grow_with_the_image(tmp_path):
    ids = np.zeros((3000, 3000), np.uint8)
    Image.fromarray(ids[:600]).save(tmp_path / "small.png")
    Image.fromarray(ids).save(tmp_path / "large.png")
    paths = [str(tmp_path / name) for name in ("small.png", "large.png", "out.png")]
    said = subprocess.run(
        [sys.executable, "-c", MEASURED, *paths], check=True, stdout=subprocess.PIPE, text=True
    )
    grown, at_once = json.loads(said.stdout)
    assert at_once > 1000, "the estimate of what it takes at once"
    assert grown < 400, "MiB; features may take up to 512, of which this network fills less"
