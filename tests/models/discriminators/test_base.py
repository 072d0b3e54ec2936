from functools import partial
from typing import Any

import pytest
import torch

from asap_lightning.condition import ConditionSpec
from asap_lightning.models import (
    Discriminator,
    FpseDiscriminator,
    MultiscaleDiscriminator,
    PatchGan,
    Pix2pixHDDiscriminator,
    PixelGan,
)

SPEC = ConditionSpec("label", num_classes=3)
KINDS = (MultiscaleDiscriminator, Pix2pixHDDiscriminator, PatchGan, PixelGan)


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64) * 2 - 1


@pytest.mark.parametrize("kind", [*KINDS, FpseDiscriminator])
def test_all_keep_the_contract(kind: Any, pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    judge = kind(SPEC, width=4)
    assert isinstance(judge, Discriminator) and judge.spec is SPEC
    for scale in judge(*pair):
        assert scale[-1].shape[1] == 1 and all(features.ndim == 4 for features in scale)


@pytest.mark.parametrize("kind", KINDS)
def test_condition_and_image_are_judged_as_one_unless_the_image_is_judged_alone(
    kind: Any, pair: tuple[torch.Tensor, torch.Tensor]
) -> None:
    condition, image = pair
    build = partial(kind, SPEC, width=4)
    both, alone = build().eval(), build(conditional=False).eval()
    assert (both.judged_channels, alone.judged_channels) == (6, 3)
    for judge, judged in ((both, torch.cat(pair, 1)), (alone, image)):
        for ours, expected in zip(judge(condition, image), judge.judge(judged), strict=True):
            torch.testing.assert_close(ours, expected, rtol=0, atol=0)
