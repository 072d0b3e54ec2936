"""A generator that matches exemplars is given them in training, and says what is missing."""

from functools import partial

import pytest
import torch
from torch.utils.data import DataLoader

import small
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.data.batch import Batch
from asap_lightning.errors import UserError
from asap_lightning.losses import ExemplarObjective, HingeLoss
from asap_lightning.models import CocosnetGenerator, MultiscaleDiscriminator
from asap_lightning.training import TranslationModule, make_trainer

pytestmark = [
    pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*your dataloader is not resumable"),
]
SPEC = ConditionSpec(num_classes=3)


def trained(batch, folder):
    torch.manual_seed(0)
    module = TranslationModule(
        CocosnetGenerator(SPEC, **small.NETWORKS["CocosnetGenerator"]),
        MultiscaleDiscriminator(SPEC, width=4, padding=1),
        ExemplarObjective(HingeLoss(), feature_matching=10.0),
        generator_optimizer=partial(torch.optim.Adam, lr=1e-3),
        discriminator_optimizer=partial(torch.optim.Adam, lr=1e-3),
    )
    terms = []
    step = module.training_step
    module.training_step = lambda batch, batch_idx: terms.append(step(batch, batch_idx))
    make_trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, max_steps=1, default_root_dir=folder,
    ).fit(module, DataLoader(range(1), batch_size=1, collate_fn=lambda _: batch))  # fmt: skip
    return terms[0]


def batch(own=(True, False)):
    label = torch.randint(3, (2, 64, 64))
    photo, guide = torch.rand(2, 2, 3, 64, 64) * 2 - 1
    condition = Condition(label=label, guide=guide, guide_condition=label.flip(2))
    return Batch(condition, photo, ["a", "b"], [(64, 64)] * 2, torch.tensor(own))


def test_every_term_counts(tmp_path):
    terms = trained(batch(), tmp_path)
    for name in ("adversarial", "feature_matching", "pair_features", "warp", "cycle"):
        assert torch.isfinite(terms[f"loss_g/{name}"]), name
        assert terms[f"loss_g/{name}"] != 0, name


def test_warps_are_not_compared_with_photos_of_others(tmp_path):
    assert trained(batch((False, False)), tmp_path)["loss_g/warp"] == 0


def test_a_data_set_without_exemplars_is_refused(tmp_path):
    given = batch()
    given.condition.guide = given.condition.guide_condition = None
    with pytest.raises(UserError, match=r"CocosnetGenerator matches .* data\.exemplar=self, random"):
        trained(given, tmp_path)
