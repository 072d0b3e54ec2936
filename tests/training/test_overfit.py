"""A small ASAP-Net learns four real pairs by heart: the authors' generator reaches 23.5 dB at step 200.

`python tests/training/test_overfit.py CITYSCAPES CURVE.png` draws the learning curve.
"""

import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Callback

from asap_lightning.data import PairedDataModule
from asap_lightning.data.layouts import Cityscapes
from asap_lightning.losses import TranslationObjective
from asap_lightning.metrics import image_scores
from asap_lightning.models import AsapGenerator
from asap_lightning.training import TranslationModule, make_trainer

WANTED = 23.5


class TrainingPsnr(Callback):
    """PSNR of the training images every 20 steps; stops once it is high enough."""

    def __init__(self, enough=float("inf")):
        self.enough, self.curve = enough, []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step % 20:
            return
        with torch.no_grad():
            images = pl_module(batch.condition)
        scores = [image_scores(a, b)["psnr"] or 0.0 for a, b in zip(images, batch.photo, strict=True)]
        self.curve.append((trainer.global_step, sum(scores) / len(scores)))
        print(f"step {trainer.global_step}: {self.curve[-1][1]:.2f} dB", flush=True)
        trainer.should_stop = self.curve[-1][1] > self.enough


def overfit(root, enough=float("inf"), max_steps=300):
    torch.manual_seed(0)
    data = PairedDataModule(
        root, Cityscapes, 128, 256, mode="fixed", flip=False, limit_train=4, batch_size=4, instance_edges=True
    )
    generator = AsapGenerator(
        data.spec, s1=1, s2=8, lowres_width=32, lowres_max_width=256, lowres_depth=3, padding="zeros"
    )
    adam = partial(torch.optim.Adam, lr=1e-3)
    module = TranslationModule(generator, None, TranslationObjective(None, l1=1.0), generator_optimizer=adam)
    data.setup("fit")
    psnr = TrainingPsnr(enough)
    trainer = make_trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, max_steps=max_steps, max_epochs=-1, callbacks=[psnr],
    )  # fmt: skip
    trainer.fit(module, data.train_dataloader())
    return psnr.curve


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no")
@pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers")
@pytest.mark.filterwarnings("ignore:.*smaller than the logging interval")
def test_four_real_pairs_are_learnt_by_heart(shared_dir):
    root = shared_dir / "data" / "cityscapes"
    if not root.is_dir():
        pytest.skip("the Cityscapes sample is not here")
    curve = overfit(root, enough=WANTED)
    assert curve[-1][1] > WANTED, curve


if __name__ == "__main__":
    from asap_lightning.files import atomic_write

    torch.set_num_threads(2)
    steps, values = zip(*overfit(Path(sys.argv[1])), strict=True)
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.plot(steps, values)
    pyplot.axhline(WANTED, linestyle="--", color="grey")
    pyplot.xlabel("generator updates")
    pyplot.ylabel("PSNR of the training images [dB]")
    with atomic_write(sys.argv[2]) as file:
        pyplot.savefig(file, dpi=100)
