"""A small CoCosNet learns four drawn facades, their exemplars being themselves, distorted."""

from functools import partial

import pytest
import torch
from torch.nn import functional

from asap_lightning.data import PairedDataModule
from asap_lightning.data.demo import write_demo_dataset
from asap_lightning.data.layouts import CmpFacades
from asap_lightning.losses import ExemplarObjective
from asap_lightning.models import CocosnetGenerator

STEPS = 50


def errors(generator, batch):
    """L1 of the image and of the full-size warp."""
    with torch.no_grad():
        output = generator(batch.condition)
    image = functional.l1_loss(output.image, batch.photo).item()
    return image, functional.l1_loss(output.extras["warp3"], batch.photo).item()


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_four_pairs_are_learnt_and_their_exemplars_found(tmp_path):
    torch.manual_seed(0)
    write_demo_dataset(tmp_path / "demo", count=8, size=64, seed=0)
    layout = partial(CmpFacades, split="ratio", test_share=0.2)
    data = PairedDataModule(
        tmp_path / "demo",
        layout,
        64,
        64,
        mode="fixed",
        flip=False,
        limit_train=4,
        batch_size=4,
        exemplar="self",
    )
    dataset = data.dataset("train")
    collate = data.train_dataloader().collate_fn
    batch = collate([dataset[0, index] for index in range(4)])
    generator = CocosnetGenerator(data.spec, width=8, match_width=8, hidden=16, iterations=1)
    objective = ExemplarObjective(l1=20.0, warp=20.0, pair_features=5.0)
    optimizer = torch.optim.Adam(generator.parameters(), lr=3e-3, betas=(0.5, 0.9))
    before = errors(generator.eval(), batch)
    generator.train()
    for _ in range(STEPS):
        output = generator(batch.condition)
        extras = output.extras | generator.training_extras(batch.condition, batch.photo, output.extras)
        terms = objective.generator_terms(output.image, batch.photo, extras=extras)
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
    after = errors(generator.eval(), batch)
    print(before, after)
    assert after[0] < 0.5 * before[0]
    assert after[1] < 0.8 * before[1]
