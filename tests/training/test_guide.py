"""A generator with an encoder is shown the photo in training, and its KL term counts."""

from functools import partial

import pytest
import torch
from torch.utils.data import DataLoader

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.data.batch import Batch
from asap_lightning.losses import TranslationObjective
from asap_lightning.models import SpadeGenerator
from asap_lightning.training import TranslationModule, make_trainer

pytestmark = [
    pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*your dataloader is not resumable"),
]


def test_the_encoder_is_trained(tmp_path):
    spec = ConditionSpec(num_classes=3)
    generator = SpadeGenerator(spec, width=2, hidden=4, style=4, image_size=(64, 64))
    module = TranslationModule(
        generator,
        None,
        TranslationObjective(l1=1.0, kl=0.05),
        generator_optimizer=partial(torch.optim.Adam, lr=1e-3),
    )
    terms = []
    step = module.training_step
    module.training_step = lambda batch, batch_idx: terms.append(step(batch, batch_idx))
    before = generator.encoder.to_mu.weight.clone()
    label = torch.randint(3, (2, 64, 64))
    batch = Batch(Condition(label=label), torch.rand(2, 3, 64, 64) * 2 - 1, ["a", "b"], [(64, 64)] * 2)
    make_trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, max_steps=1, default_root_dir=tmp_path,
    ).fit(module, DataLoader(range(1), batch_size=1, collate_fn=lambda _: batch))  # fmt: skip
    assert terms[0]["loss_g/kl"] > 0
    assert not torch.equal(generator.encoder.to_mu.weight, before)
    assert batch.condition.guide is None
