"""Whether a narrow SIMS generator learns two pairs by heart whose canvases are the truth."""

from functools import partial

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.batch import collate
from asap_lightning.data.sample import Sample
from asap_lightning.losses import TranslationObjective
from asap_lightning.models import SimsGenerator
from asap_lightning.training import TranslationModule, make_trainer
from banks import draw_label

pytestmark = [
    pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*your dataloader is not resumable"),
]
SPEC = ConditionSpec(num_classes=4, has_unknown=True)
COLOURS = np.array([[40, 90, 200], [180, 120, 90], [230, 220, 60], [30, 140, 50], [120, 120, 120]])


def pair(seed):
    """A layout, its photo, and the photo as a canvas."""
    label = draw_label(seed, (32, 32), 4)
    shade = np.mgrid[:32, :32].sum(0)[..., None] - 31
    photo = (COLOURS[label] + shade).clip(0, 255).astype(np.uint8)
    canvas = np.concatenate([photo, np.full((32, 32, 1), 255, np.uint8)], axis=2)
    return Sample(str(seed), label=label, photo=photo, canvas=canvas)


@pytest.mark.slow
def test_two_pairs_are_learnt_by_heart(tmp_path):
    torch.manual_seed(0)
    batch = collate([pair(0), pair(1)])
    generator = SimsGenerator(SPEC, width=4)
    module = TranslationModule(
        generator,
        None,
        TranslationObjective(l1=10.0, class_cross_entropy=1.0),
        generator_optimizer=partial(torch.optim.Adam, lr=3e-3),
    )

    def errors():
        with torch.no_grad():
            output = generator(batch.condition)
        wrong = output.extras["class_logits"].argmax(1) != batch.condition.label
        return (output.image - batch.photo).abs().mean().item(), wrong.float().mean().item()

    before = errors()
    make_trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, max_steps=250, max_epochs=-1, default_root_dir=tmp_path,
    ).fit(module, DataLoader(range(1), batch_size=1, collate_fn=lambda _: batch))  # fmt: skip
    l1, wrong = errors()
    assert before[0] > 0.3 and l1 < 0.05, (before, l1)
    assert wrong < 0.01
