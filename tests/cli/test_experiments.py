"""Every recipe is instantiated as it stands, and takes two steps at a small width."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

import small
from asap_lightning.configuration.assemble import (
    build_network,
    generator_settings,
    make_callbacks,
    make_module,
)
from asap_lightning.configuration.configs import conf_dir
from asap_lightning.configuration.data import make_data
from asap_lightning.configuration.plain import plain
from asap_lightning.configuration.resolvers import register_resolvers
from asap_lightning.training import StopRequest, make_trainer
from trees import Trees

CONF = conf_dir()
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
BUILDERS = {
    "cityscapes": Trees.cityscapes,
    "coco_stuff": Trees.spade,
    "spade_folders": Trees.spade,
    "ade20k": Trees.ade20k,
    "facades": lambda trees: trees.cmp(4, first=59),
    "demo": lambda trees: trees.cmp(20),
    "pairs": Trees.pairs,
    "folders": lambda trees: trees.folders(20),  # an exemplar is another pair of the same split
    "photos": lambda trees: trees.folders() / "B",
    "nyu": lambda trees: trees.nyu()[0],
    "deepfashion": Trees.deepfashion,
}


def composed(experiment: str, *overrides: str) -> DictConfig:
    GlobalHydra.instance().clear()
    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", [f"experiment={experiment}", *overrides], return_hydra_config=True)


@pytest.fixture
def recipe(trees):
    """A recipe on a tiny data set of its own layout, without VGG."""

    def make(experiment: str) -> DictConfig:
        choice = composed(experiment).hydra.runtime.choices.data
        config = composed(
            experiment, f"data.root={BUILDERS[choice](trees)}", "loss.perceptual=null", "logger=none"
        )
        OmegaConf.set_struct(config, False)
        if config.loss.adversarial is None:
            config.loss.l1 = 1.0  # CRN has no other term than VGG's
        config.data.prepare = None
        if choice == "nyu":
            config.data.layout.train_count = 3
        del config["hydra"]
        return config

    return make


class WithCanvases:
    """A layout whose samples have canvases: the upper half of the photo."""

    def __init__(self, layout):
        self._layout = layout

    def __getattr__(self, name):
        return getattr(self._layout, name)

    def read(self, item):
        sample = self._layout.read(item)
        filled = np.full((*sample.size, 1), 255, np.uint8)
        filled[len(filled) // 2 :] = 0
        return replace(sample, canvas=np.concatenate([sample.photo, filled], axis=2))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_recipe_is_instantiated_at_full_size(recipe, experiment):
    config = recipe(experiment)
    data = make_data(config)
    with torch.device("meta"):
        generator = build_network(
            "generator", generator_settings(plain(config.generator), data.height), data.spec
        )
        build_network("discriminator", plain(config.discriminator), data.spec)
    assert data.height % generator.size_multiple == 0 and data.width % generator.size_multiple == 0
    assert min(data.height, data.width) >= generator.minimum_size
    assert config.trainer.max_epochs in (-1, 15, 17, 100, 200, 300, 800)
    schedule = config.training.schedule
    if config.trainer.max_epochs > 0:
        assert schedule.constant + schedule.decay == config.trainer.max_epochs


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.filterwarnings("ignore:.*smaller than the logging interval")
def test_every_recipe_takes_two_steps(recipe, experiment, tmp_path: Path, monkeypatch):
    config = recipe(experiment)
    config.data.update(height=64, width=64, load_height=64, load_width=64, batch_size=2, num_workers=0)
    if config.data.mode == "crop":  # the pictures of the test are smaller than any crop
        config.data.update(mode="resize_and_crop", eval_mode="fixed")
    kind = config.generator._target_.rsplit(".", 1)[-1]
    settings = {**small.NETWORKS[kind], "height": 64, "image_size": [64, 64]}
    config.generator.update({key: value for key, value in settings.items() if key in config.generator})
    if "width" in config.discriminator:
        config.discriminator.width = 4
    data = make_data(config)
    if kind == "SimsGenerator":
        config.data.bank = "a bank"
        monkeypatch.setattr(data, "layout", WithCanvases(data.layout))
    module = make_module(config, data)
    before = {name: value.clone() for name, value in module.generator.state_dict().items()}
    freezing = [
        c for c in make_callbacks(config, tmp_path, StopRequest()) if type(c).__name__ == "FreezeCoarse"
    ]
    trainer = make_trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, max_steps=2, max_epochs=-1, callbacks=freezing, limit_val_batches=1,
    )  # fmt: skip
    trainer.fit(module, datamodule=data)
    assert trainer.global_step == 2
    after = module.generator.state_dict()
    assert all(bool(torch.isfinite(value).all()) for value in after.values() if value.is_floating_point())
    assert any(not torch.equal(before[name], after[name]) for name in before)
