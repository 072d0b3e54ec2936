"""Every root configuration composes with every option of every group."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from asap_lightning.commands import COMMANDS
from asap_lightning.configuration.configs import conf_dir
from asap_lightning.configuration.resolvers import register_resolvers

CONF = conf_dir()
ROOTS = [one.config for command in COMMANDS for one in (command, *command.subcommands) if one.config]
GROUPS = {
    "train": sorted(
        p.name
        for p in CONF.iterdir()
        if p.is_dir() and p.name not in ("hydra", "evaluation", "segmenter", "preset")
    ),
    "evaluate": ["data", "evaluation", "segmenter"],
    "singan_train": ["preset"],
}
ABSTRACT = {("data", "options"), ("evaluation", "options"), ("segmenter", "options")}
CHOICES = [
    (root, group, option.stem)
    for root, groups in GROUPS.items()
    for group in groups
    for option in sorted((CONF / group).glob("*.yaml"))
    if (group, option.stem) not in ABSTRACT
]
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))


def composed(root: str, *overrides: str) -> DictConfig:
    GlobalHydra.instance().clear()
    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(root, list(overrides), return_hydra_config=True)


@pytest.mark.parametrize("root", ROOTS)
def test_root_composes(root: str) -> None:
    config = composed(root)
    assert config.hydra.job.name == root
    assert config.hydra.job.chdir is False


@pytest.mark.parametrize(("root", "group", "option"), CHOICES)
def test_option_composes(root: str, group: str, option: str) -> None:
    config = composed(root, f"{group}={option}")
    assert config.hydra.runtime.choices[group] == option


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_is_headed_by_its_recipe(experiment: str) -> None:
    text = (CONF / "experiment" / f"{experiment}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# @package _global_\n")
    for part in ("Command:", "Paper row:", "Expected:", "Hardware:"):
        assert f"# {part}" in text
    assert f"experiment={experiment}" in text
    assert composed("train", f"experiment={experiment}").name == experiment


@pytest.mark.parametrize(
    ("experiment", "size", "s1", "padding"),
    [
        ("facades_512", (512, 512), 2, "reflection"),
        ("facades_1024", (1024, 1024), 4, "reflection"),
        ("cityscapes_256", (256, 512), 1, "zeros"),
        ("cityscapes_512", (512, 1024), 2, "zeros"),
    ],
)
def test_experiments_have_the_papers_settings(experiment, size, s1, padding) -> None:
    from asap_lightning.configuration.assemble import generator_settings, plain

    config = composed("train", f"experiment={experiment}", "data.root=DIR")
    settings = generator_settings(plain(config.generator), config.data.height)
    assert (config.data.height, config.data.width) == size
    assert (settings["s1"], settings["s2"], settings["padding"]) == (s1, 16, padding)
    assert (settings["mlp_width"], settings["mlp_depth"], settings["lowres_max_width"]) == (64, 5, 1024)
    assert (config.optimizer.generator.lr, config.optimizer.discriminator.lr) == (1e-4, 4e-4)
    assert OmegaConf.to_container(config.optimizer.generator.betas) == [0.0, 0.9]
    assert (config.training.schedule.constant, config.training.schedule.decay) == (200, 100)
    assert config.loss.feature_matching == 10 and config.loss.perceptual.weight == 10


def test_run_folder_is_named_after_the_experiment_or_the_data(tmp_path: Path) -> None:
    from hydra.core.hydra_config import HydraConfig

    for overrides, name in (([], "demo"), (["data=facades"], "facades"), (["experiment=nyu"], "nyu")):
        config = composed("train", f"runs={tmp_path}", *overrides)
        HydraConfig.instance().set_config(config)
        assert config.name == name
        assert Path(config.hydra.run.dir).parent == tmp_path / name
    HydraConfig.instance().cfg = None
