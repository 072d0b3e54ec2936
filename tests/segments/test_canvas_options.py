"""The configuration's options are those of the constructor."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from asap_lightning.composing.settings import OF_NETWORKS
from asap_lightning.segments import CanvasOptions


def test_the_configuration_has_every_option_with_its_default(repository: Path) -> None:
    node = yaml.safe_load((repository / "conf/data/options.yaml").read_text())
    networks = dict.fromkeys(OF_NETWORKS, False)
    assert node["canvas_options"] == {**asdict(CanvasOptions()), **networks}
    assert (node["bank"], node["canvas"]) == (None, "own")


@pytest.mark.parametrize("command", ["predict", "serve", "video"])
def test_prediction_may_change_what_does_not_belong_to_training(repository: Path, command: str) -> None:
    node = yaml.safe_load((repository / f"conf/{command}.yaml").read_text())
    of_training = {"own_band", "masks", "recoloured"}
    assert set(node["canvas_options"]) == {*asdict(CanvasOptions()), *OF_NETWORKS} - of_training
    assert not any(node["canvas_options"].values())
