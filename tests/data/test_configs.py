"""Every data configuration composes and builds its DataModule."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from asap_lightning.configuration.data import make_data
from asap_lightning.errors import UserError

CONF = Path(__file__).parents[2] / "conf" / "data"
CHANNELS = {
    "demo": 13,
    "facades": 13,
    "cityscapes": 36,
    "coco_stuff": 184,
    "ade20k": 151,
    "pix2pixhd_folders": 35,
    "pairs": 3,
    "folders": 3,
    "nyu": 1,
    "deepfashion": 20,
    "photos": 1,
}


def build(name: str, *overrides: str):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(name, ["++seed=3", "root=somewhere", *overrides])
    return make_data(OmegaConf.create({"data": config}))


def test_every_configuration_is_tested():
    assert {path.stem for path in CONF.glob("*.yaml")} == {*CHANNELS, "spade_folders", "shards", "options"}


@pytest.mark.parametrize("name", CHANNELS)
def test_configurations_build(name):
    data = build(name, "height=64", "width=32", "batch_size=2")
    assert data.spec.dense_channels == CHANNELS[name]
    assert (data.height, data.width, data.batch_size, data.seed) == (64, 32, 2, 3)
    assert data.layout.config == {"demo": "facades", "coco_stuff": "spade_folders"}.get(name, name)
    head = (CONF / f"{name}.yaml").read_text().splitlines()
    assert head[0].startswith("# ") and any(line.startswith("# On disk") for line in head)


def test_shards_are_looked_for_when_they_are_needed(tmp_path):
    data = build("shards", f"root={tmp_path}", "layout.window=2")
    assert data.layout.window == 2 and (data.height, data.width) == (256, 256)
    with pytest.raises(UserError, match=r"has no index\.json"):
        _ = data.spec


def test_label_options_can_be_given_on_the_command_line():
    data = build("spade_folders", "layout.num_classes=2", "layout.label_values={0:0,255:1}")
    assert data.layout.labels.values == {0: 0, 255: 1}
    data = build("spade_folders", "layout.palette=[[0,0,0],[128,64,128]]")
    assert data.spec.num_classes == 2
