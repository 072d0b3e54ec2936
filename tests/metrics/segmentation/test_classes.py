import pytest
import torch

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.layouts.classes import CITYSCAPES, names
from asap_lightning.errors import UserError
from asap_lightning.metrics.segmentation import class_map
from asap_lightning.metrics.segmentation.classes import IGNORED

OFFICIAL = ConditionSpec(num_classes=34, has_unknown=True, class_names=names(CITYSCAPES))
TRAIN_IDS = [
    "road",
    "sidewalk",
    "building",
    "wall",
    "fence",
    "pole",
    "light",
    "sign",
    "vegetation",
    "terrain",
    "sky",
    "person",
    "rider",
    "car",
    "truck",
    "bus",
    "train",
    "motorcycle",
    "bicycle",
]


@pytest.mark.parametrize("classes", [19, 20])
@pytest.mark.parametrize("spec", [OFFICIAL, ConditionSpec(num_classes=35, has_unknown=True)])
def test_cityscapes_ids_become_the_benchmarks_19(spec, classes):
    mapped = class_map(spec, classes, title="DRN", data="Cityscapes")
    assert [name.split()[-1] for name in mapped.names] == TRAIN_IDS
    label = torch.tensor([[[7, 8, 0, 33], [29, 31, 34, 26]]], dtype=torch.uint8)
    assert mapped(label).tolist() == [[[0, 1, IGNORED, 18], [IGNORED, 16, IGNORED, 13]]]
    assert "-> the benchmark's 19 classes" in mapped.note


def test_one_class_a_class_without_the_unknown():
    mapped = class_map(
        ConditionSpec(num_classes=3, has_unknown=True, class_names=("a", "b", "c")), 3, title="s"
    )
    assert mapped.names == ("a", "b", "c")
    assert mapped(torch.tensor([[[0, 1, 2, 3]]])).tolist() == [[[0, 1, 2, IGNORED]]]


def test_train_ids_fit_a_network_with_a_class_for_nothing():
    mapped = class_map(ConditionSpec(num_classes=19), 20, title="FCN", data="Cityscapes")
    assert mapped.count == 19


def test_classes_as_given():
    spec = ConditionSpec(num_classes=4, class_names=("sky", "tree", "bush", "lake"))
    mapped = class_map(spec, 3, title="s", given={1: 0, 2: 0, 3: 2})
    assert mapped.names == ("tree", "class 1", "lake")
    assert mapped(torch.tensor([[[0, 1, 2, 3]]])).tolist() == [[[IGNORED, 0, 0, 2]]]


@pytest.mark.parametrize(
    ("spec", "classes", "given", "expected"),
    [
        (ConditionSpec(num_classes=12), 19, None, r"has 19 classes, the data set 12: .*segmenter=train"),
        (ConditionSpec(num_classes=35), 19, None, r"has 19 classes, the data set 35"),  # of no data set
        (ConditionSpec("image", channels=3), 19, None, "of the kind 'image'"),
        (ConditionSpec(num_classes=2), 19, {5: 0}, r"names the id 5; the data set has 0\.\.1"),
        (ConditionSpec(num_classes=2), 3, {1: 3}, r"the class 3; net has 0\.\.2"),
        (ConditionSpec(num_classes=2), 3, {}, "nothing would be scored"),
    ],
)
def test_what_does_not_fit_is_said(spec, classes, given, expected):
    with pytest.raises(UserError, match=expected):
        class_map(spec, classes, title="net", given=given)


@pytest.mark.parametrize("label", [5, -1])
def test_ids_outside_the_classes_are_refused(label):
    mapped = class_map(ConditionSpec(num_classes=3), 3, title="s")
    with pytest.raises(UserError, match=r"where 0\.\.2 were expected"):
        mapped(torch.full((1, 2, 2), label))
