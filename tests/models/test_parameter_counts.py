"""Sizes at full width beside the published ones."""

import pytest
import torch

from asap_lightning.condition import ConditionSpec
from asap_lightning.models import (
    AsapGenerator,
    CcFpseGenerator,
    CppnGenerator,
    CrnGenerator,
    HdrnetGenerator,
    PatchGan,
    Pix2pixHDGenerator,
    ResnetGenerator,
    SpadeGenerator,
    UNetGenerator,
)

FACADES = ConditionSpec(num_classes=13)
CITYSCAPES = ConditionSpec(num_classes=35, instance_edges=True)
ADE = ConditionSpec(num_classes=150, has_unknown=True)
COCO = ConditionSpec(num_classes=182, has_unknown=True, instance_edges=True)
RGB = ConditionSpec("image", channels=3)


@pytest.mark.parametrize(
    ("build", "millions"),
    [
        (lambda: AsapGenerator(FACADES, s1=2), 82.0),
        (lambda: UNetGenerator(RGB), 54.41),
        (lambda: ResnetGenerator(RGB), 11.38),
        (lambda: PatchGan(RGB), 2.77),
        (lambda: Pix2pixHDGenerator(CITYSCAPES), 182.5),
        (lambda: SpadeGenerator(CITYSCAPES, upsampling="more"), 93.0),
        (lambda: SpadeGenerator(ADE), 96.5),
        (lambda: SpadeGenerator(COCO), 97.5),
        (lambda: CcFpseGenerator(COCO), 126.8),  # published programs count norms that they never call, too
        (lambda: CppnGenerator(FACADES), 0.01370),  # (15 + 1) 64 + 3 (65 x 64) + 65 x 3
        (
            lambda: CppnGenerator(RGB, activation="atan", width=24, depth=9),
            0.00852,
        ),  # 144 + 7 (49 x 24) + 147
        (lambda: HdrnetGenerator(RGB), 0.4821),  # none is published: by layer in test_hdrnet.py
        (lambda: CrnGenerator(ConditionSpec(num_classes=20), height=1024), 98.7),  # by layer: test_crn.py
    ],
)
def test_number_of_parameters(build, millions):
    with torch.device("meta"):
        network = build()
    count = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    assert count == pytest.approx(millions, rel=1e-3)
