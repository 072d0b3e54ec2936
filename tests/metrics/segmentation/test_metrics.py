"""The scores through a suite: a segmenter that reads the class off the red channel."""

import json
import subprocess
import sys

import pytest
import torch
from torch import nn

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.layouts.classes import CITYSCAPES, names
from asap_lightning.errors import Unavailable
from asap_lightning.metrics import MetricSuite
from asap_lightning.metrics.pairs import Images, Pairs
from asap_lightning.metrics.segmentation import Protocol, class_map
from asap_lightning.metrics.segmentation.picture import confusion_picture
from asap_lightning.metrics.segmentation.scores import SegmentationScores
from asap_lightning.models.segmenters import Normalisation, Segmenter

KEYS = ("miou", "pixel_accuracy", "pixel_accuracy_all", "class_accuracy", "fw_iou", "miou_photos")
STEP = 10


class Reader(nn.Module):
    """Scores that are largest for the class whose number, times `STEP`, is the red value."""

    def __init__(self, classes):
        super().__init__()
        self.register_buffer("values", torch.arange(classes).view(1, -1, 1, 1) * float(STEP))

    def forward(self, x):
        return -(x[:, :1] - self.values).abs()


def protocol(spec, classes=None, **options):
    classes = classes or spec.num_classes
    plain = Normalisation((0.0,) * 3, (1.0,) * 3, scale=1)
    segmenter = Segmenter(Reader(classes), classes, title="reader", normalisation=plain)
    data = "Cityscapes" if classes in (19, 20) else ""
    return Protocol(segmenter, class_map(spec, classes, title="reader", data=data), **options)


def images(classes, broken=()):
    pixels = (classes.clamp(min=0) * STEP).to(torch.uint8).unsqueeze(1).repeat(1, 3, 1, 1)
    return Images([str(i) for i in range(len(classes))], pixels, [i in broken for i in range(len(classes))])


def suite_of(made, keys=KEYS):
    return MetricSuite(keys, settings={"segmenter": made})


def test_images_that_show_the_layout_score_exactly_one():
    spec = ConditionSpec(num_classes=5, has_unknown=True, class_names=("a", "b", "c", "d", "a"))
    label = torch.randint(0, 6, (3, 12, 9))
    suite = suite_of(protocol(spec))
    shown = images(label.clamp(max=4))
    suite.update(Pairs(shown, images(torch.zeros_like(label)), label))
    results = suite.compute()
    assert [results.values[key] for key in KEYS[:2]] == [1.0, 1.0]
    assert results.values["pixel_accuracy_all"] == pytest.approx(float((label < 5).double().mean()))
    assert results.values["miou_photos"] < 0.2
    details = results.details["miou"]
    assert list(details["iou"]) == ["a (0)", "b", "c", "d", "a (4)"]
    assert details["protocol"]["segmenter"] == "reader"
    assert json.loads(json.dumps(details, allow_nan=False)) == details
    assert results.pictures["confusion"].dtype == results.pictures["confusion_photos"].dtype == "uint8"


def test_batches_add_up_and_a_class_that_is_nowhere_has_no_value():
    spec = ConditionSpec(num_classes=4)
    label, found = torch.randint(0, 3, (4, 8, 8)), torch.randint(0, 3, (4, 8, 8))
    whole, parts = suite_of(protocol(spec), KEYS[:5]), suite_of(protocol(spec), KEYS[:5])
    whole.update(Pairs(images(found), None, label))
    for index in range(4):
        parts.update(Pairs(images(found[index : index + 1]), None, label[index : index + 1]))
    assert parts.compute().values == whole.compute().values
    assert whole.compute().details["miou"]["iou"]["class 3"] is None


def test_cityscapes_ids_are_compared_at_the_size_of_the_label_files():
    spec = ConditionSpec(num_classes=34, has_unknown=True, class_names=names(CITYSCAPES))
    train_ids = torch.tensor([[0, 0, 1, 13], [0, 0, 1, 13]]).repeat_interleave(4, 0).repeat_interleave(4, 1)
    full = torch.tensor([7, 8, *[0] * 11, 26])[train_ids].to(torch.uint8)
    asked = []

    def read(name):
        asked.append(name)
        return full

    made = protocol(spec, 19, full_label=read)
    suite = suite_of(made, ("miou", "pixel_accuracy"))
    small = images(train_ids[None, ::4, ::4])
    suite.update(Pairs(small, None, torch.zeros(1, 2, 4, dtype=torch.uint8)))
    results = suite.compute()
    assert asked == ["0"]
    assert results.details["miou"]["pixels"] == train_ids.numel()
    assert 0.5 < results.values["pixel_accuracy"] <= 1
    assert "label files" in results.details["miou"]["protocol"]["size"]


def test_the_fcn_score_says_which_images_it_drops():
    spec = ConditionSpec(num_classes=19)
    made = protocol(spec, 20, fcn=True)
    truth = torch.full((2, 4, 4), 18)
    suite = suite_of(made, ("miou", "pixel_accuracy"))
    suite.update(Pairs(images(torch.stack([truth[0], torch.full((4, 4), 19)])), None, truth))
    results = suite.compute()
    assert results.values["pixel_accuracy"] == pytest.approx(1.0)
    assert results.values["miou"] == pytest.approx(1 / 19)
    assert "miou: 1 of 2 images dropped" in results.warnings


def test_images_without_numbers_give_no_score():
    spec = ConditionSpec(num_classes=3)
    label = torch.zeros(2, 4, 4, dtype=torch.long)
    suite = suite_of(protocol(spec), ("miou",))
    suite.update(Pairs(images(label, broken=(1,)), None, label))
    assert suite.compute().values == {"miou": None}


def test_without_a_scored_pixel_there_is_no_score():
    spec = ConditionSpec(num_classes=3, has_unknown=True)
    label = torch.full((1, 4, 4), 3)
    suite = suite_of(protocol(spec), ("miou",))
    suite.update(Pairs(images(label), None, label))
    results = suite.compute()
    assert results.values == {"miou": None}
    assert "no pixel of a scored class" in results.unavailable["miou"].reason


@pytest.mark.parametrize(
    ("setting", "expected"),
    [(None, "segmenter=train fits one"), (Unavailable("there is no file x.pth", "curl x"), "no file x")],
)
def test_why_there_is_no_segmenter_is_said(setting, expected):
    suite = MetricSuite(("psnr", "miou"), settings={"segmenter": setting})
    assert expected in suite.unavailable["miou"].reason
    assert suite.available == ("psnr",)


@pytest.mark.parametrize("classes", [1, 12, 60])
def test_the_picture_leaves_out_what_is_not_there(classes):
    matrix = torch.zeros(classes + 1, classes + 1, dtype=torch.int64)
    matrix[:classes, :classes] = torch.randint(0, 50, (classes, classes))
    called = [f"class {i}" for i in range(classes)]
    whole = confusion_picture(SegmentationScores(matrix), called, "all")
    assert whole.ndim == 3 and whole.shape[2] == 3 and (whole < 128).any()
    if classes == 60:
        matrix[5:, :] = matrix[:, 5:] = 0
        fewer = confusion_picture(SegmentationScores(matrix), called, "five")
        assert fewer.size < whole.size


SCRIPT = """
import sys, torch
sys.path.insert(0, sys.argv[4])
from torch import distributed
from test_metrics import *
rank = int(sys.argv[1])
distributed.init_process_group("gloo", init_method=f"file://{sys.argv[2]}", rank=rank, world_size=2)
label, found = drawn_pairs()
suite = suite_of(protocol(ConditionSpec(num_classes=4)), KEYS[:2])
for index in ([0, 1, 2], [])[rank]:
    suite.update(Pairs(images(found[index : index + 1]), None, label[index : index + 1]))
torch.save(suite.compute().values, f"{sys.argv[3]}{rank}.pt")
distributed.destroy_process_group()
"""


def drawn_pairs():
    torch.manual_seed(5)
    return torch.randint(0, 4, (3, 8, 8)), torch.randint(0, 4, (3, 8, 8))


@pytest.mark.ddp
def test_two_processes_give_one_processs_scores(tmp_path):
    from pathlib import Path

    arguments = [str(tmp_path / "meet"), str(tmp_path / "values"), str(Path(__file__).parent)]
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT]
    processes = [subprocess.Popen([*command, str(rank), *arguments]) for rank in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    label, found = drawn_pairs()
    alone = suite_of(protocol(ConditionSpec(num_classes=4)), KEYS[:2])
    alone.update(Pairs(images(found), None, label))
    for rank in range(2):
        values = torch.load(tmp_path / f"values{rank}.pt", weights_only=True)
        assert values == alone.compute().values
