"""pix2pixHD's own stages: the frozen first part, and the feature clusters at the end."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch

from asap_lightning.data import PairedDataModule
from asap_lightning.data.layouts import SpadeFolders
from asap_lightning.errors import UserError
from asap_lightning.losses import TranslationObjective
from asap_lightning.models import AsapGenerator, Pix2pixHDGenerator
from asap_lightning.training import TranslationModule, make_trainer
from asap_lightning.training.callbacks import FitFeatureClusters, FreezeCoarse

SMALL = dict(width=4, downs=1, blocks=1, enhancer_blocks=1)


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.filterwarnings("ignore:.*smaller than the logging interval")
def test_a_trained_generator_with_features_translates_without_a_guide(trees):
    data = PairedDataModule(
        trees.spade(), partial(SpadeFolders, num_classes=3), 16, 16, mode="fixed", instance_edges=True,
        batch_size=2,
    )  # fmt: skip
    generator = Pix2pixHDGenerator(
        data.spec, features=2, encoder_width=4, encoder_downs=1, clusters=2, **SMALL
    )
    assert generator.needs_guide  # validation takes the photo's features until the clusters are there
    module = TranslationModule(
        generator, None, TranslationObjective(None, l1=1.0),
        generator_optimizer=partial(torch.optim.Adam, lr=1e-3),
    )  # fmt: skip
    trainer = make_trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, max_epochs=1, callbacks=[FitFeatureClusters(images=4)],
    )  # fmt: skip
    trainer.fit(module, datamodule=data)
    assert not generator.needs_guide and generator.clusters.fitted
    batch = next(iter(data.val_dataloader()))
    assert generator.eval()(batch.condition).image.shape == (2, 3, 16, 16)


def test_the_coarse_part_rests_for_the_first_epochs():
    from asap_lightning.condition import ConditionSpec

    generator = Pix2pixHDGenerator(ConditionSpec(num_classes=3), enhancers=1, **SMALL)
    module, callback = SimpleNamespace(generator=generator), FreezeCoarse(epochs=2)
    for epoch, trained in enumerate((False, False, True)):
        callback.on_train_epoch_start(SimpleNamespace(current_epoch=epoch), module)
        assert all(p.requires_grad == trained for p in generator.coarse.parameters())
        assert all(p.requires_grad for p in generator.enhancers.parameters())
    other = SimpleNamespace(
        generator=AsapGenerator(ConditionSpec(num_classes=3), s1=1, s2=2, lowres_max_width=4)
    )
    with pytest.raises(UserError, match="AsapGenerator has no coarse part"):
        callback.on_fit_start(None, other)
