"""Many images from one mask, and the style of a photo."""

import numpy as np
import pytest
import torch
from PIL import Image

import small
from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.inference.styles import parse_styles
from asap_lightning.models import CocosnetGenerator, CrnGenerator, SpadeGenerator

SPEC = ConditionSpec(num_classes=3)
LABEL = np.random.default_rng(0).integers(0, 3, (40, 50))


@pytest.fixture(scope="module")
def stylish():
    torch.manual_seed(4)
    generator = SpadeGenerator(SPEC, width=2, hidden=4, style=6, image_size=[64, 64], encoder=True)
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3) if parameter.ndim > 1 else None
    return Translator.from_generator(generator, device="cpu")


@pytest.fixture(scope="module")
def plain():
    return Translator.from_generator(small.asap_generator(SPEC), device="cpu")


def test_a_seed_decides_the_style_and_nothing_else_is_disturbed(stylish):
    torch.manual_seed(7)
    before = torch.get_rng_state()
    label = np.random.default_rng(0).integers(0, 3, (64, 64))
    first, again, other = (stylish(label, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_several_seeds_give_several_images_and_their_grid(stylish):
    label = np.zeros((64, 64), int)
    styles = parse_styles({"image": None, "seed": "2..6"}, stylish)
    images = styles.translate(stylish, label, None)
    assert list(images) == ["_style2", "_style3", "_style4", "_style5", "_style6", ""]
    assert images["_style2"].shape == (64, 64, 3)
    assert images[""].shape[1] > 4 * 64 and images[""].shape[0] > 2 * 64


def test_a_photo_of_any_size_gives_its_style(stylish, tmp_path):
    for name, colour in (("red", (200, 30, 30)), ("blue", (20, 40, 220))):
        Image.new("RGB", (33, 21), colour).save(tmp_path / f"{name}.png")
    label = np.zeros((64, 64), int)
    images = [
        parse_styles(str(tmp_path / f"{name}.png"), stylish).translate(stylish, label, None)[""]
        for name in ("red", "blue")
    ]
    assert not np.array_equal(*images)


def test_crn_chooses_one_of_its_images():
    torch.manual_seed(1)
    translator = Translator.from_generator(CrnGenerator(SPEC, height=32, width=16, images=3), device="cpu")
    label = np.random.default_rng(0).integers(0, 3, (32, 32))
    images = [translator(label, seed=seed) for seed in (0, 1, 2, 3)]
    assert not np.array_equal(images[0], images[1])
    assert np.array_equal(images[0], images[3])


def test_mistakes_are_named(plain, stylish, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    with pytest.raises(
        UserError, match=r"style=.*photo\.png: this model \(AsapGenerator\) has no style encoder"
    ):
        parse_styles(str(tmp_path / "photo.png"), plain)
    with pytest.raises(UserError, match="has no style encoder"):
        plain(LABEL, guide=np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(UserError, match=r"style\.seed=0\.\.3: this model \(AsapGenerator\) has no style"):
        parse_styles({"seed": "0..3"}, plain)
    with pytest.raises(UserError, match="there is no such photo"):
        parse_styles(str(tmp_path / "absent.png"), stylish)
    for bad in ("x", "5..2", "0..999", "-1"):
        with pytest.raises(UserError, match=r"style\.seed"):
            parse_styles({"seed": bad}, stylish)


@pytest.fixture(scope="module")
def matching():
    torch.manual_seed(5)
    generator = CocosnetGenerator(SPEC, **small.NETWORKS["CocosnetGenerator"], init_gain=1.0)
    return Translator.from_generator(generator, device="cpu")


def exemplar(folder, name, mode="RGB", size=(30, 50)):
    pixels = np.random.default_rng(len(name)).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(folder / f"{name}.png")
    Image.fromarray(np.random.default_rng(1).integers(0, 3, size, np.uint8)).save(folder / "label.png")
    return {"image": str(folder / f"{name}.png"), "label": str(folder / "label.png")}


def test_an_exemplar_of_any_size_and_its_label_are_taken(matching, tmp_path):
    styles = parse_styles(exemplar(tmp_path, "a"), matching)
    assert styles.about["guide_condition"] and styles.about["guide"]
    image = styles.translate(matching, LABEL, None)[""]
    assert image.shape == (40, 50, 3)
    other = parse_styles(exemplar(tmp_path, "other"), matching).translate(matching, LABEL, None)[""]
    assert not np.array_equal(image, other)
    called = matching(LABEL, guide=styles.guide, guide_condition=str(tmp_path / "label.png"))
    assert np.array_equal(called, image)


def test_a_grey_exemplar_is_read_as_rgb(matching, tmp_path):
    styles = parse_styles(exemplar(tmp_path, "grey", mode="L"), matching)
    assert styles.guide.shape == (30, 50, 3)
    assert styles.translate(matching, LABEL, None)[""].shape == (40, 50, 3)


def test_what_an_exemplar_lacks_is_named(matching, plain, tmp_path):
    given = exemplar(tmp_path, "a")
    with pytest.raises(UserError, match=r"needs the label of the exemplar: .* style\.label=FILE"):
        parse_styles(given["image"], matching)
    with pytest.raises(UserError, match=r"needs an exemplar: give both, style\.image=IMAGE"):
        parse_styles({"seed": 0}, matching)
    with pytest.raises(UserError, match=r"style\.label=.*nosuch\.png: there is no such file"):
        parse_styles(given | {"label": str(tmp_path / "nosuch.png")}, matching)
    with pytest.raises(UserError, match=r"style\.label=.*does not look at the photo's own condition"):
        parse_styles({"image": None, "label": given["label"]}, plain)
    with pytest.raises(UserError, match=r"none was given: style\.image=IMAGE"):
        matching(LABEL)
    with pytest.raises(UserError, match=r"by its own label, which was not given"):
        matching(LABEL, guide=np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(UserError, match="does not match a guide with the condition"):
        plain(LABEL, guide_condition=LABEL)
    with pytest.raises(UserError, match="ids"):
        matching(LABEL, guide=np.zeros((4, 4, 3), np.uint8), guide_condition=LABEL + 7)


def test_it_is_warmed_up_with_a_blank_exemplar(matching):
    matching.warmup(64, 64)


def test_an_exemplar_of_the_same_data_set_has_its_label_among_the_inputs(matching, tmp_path, caplog):
    given = exemplar(tmp_path, "a")
    (tmp_path / "labels").mkdir()
    Image.open(given["label"]).save(tmp_path / "labels" / "a.png")
    both = parse_styles(given, matching)
    caplog.set_level("INFO")
    found = parse_styles(given["image"], matching, tmp_path / "labels")
    assert np.array_equal(found.guide_condition, both.guide_condition) and "labels/a.png" in caplog.text
    named = parse_styles(given, matching, tmp_path / "absent")
    assert np.array_equal(named.guide_condition, both.guide_condition), "what is named comes first"


def test_no_label_is_guessed(matching, tmp_path):
    given = exemplar(tmp_path, "a")
    for folder in (tmp_path / "absent", tmp_path):  # nothing there; the photo itself is no label
        with pytest.raises(UserError, match=r"needs the label of the exemplar \(.* has none of its name\)"):
            parse_styles(given["image"], matching, folder)
    (tmp_path / "two").mkdir()
    for ending in ("png", "bmp"):
        Image.open(given["label"]).save(tmp_path / "two" / f"a.{ending}")
    with pytest.raises(UserError, match="needs the label of the exemplar"):
        parse_styles(given["image"], matching, tmp_path / "two")
