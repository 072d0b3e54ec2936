"""The shipped configurations build, run together, and log."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from pytorch_lightning import Trainer

from asap_lightning.tracking import finished_runs

Fit = Callable[..., Trainer]


def load(path: Path, folder: Path) -> dict[str, Any]:
    """One option of a group, with what Hydra would fill in."""
    OmegaConf.register_new_resolver("hydra", lambda key: str(folder), replace=True)
    node = OmegaConf.load(path)
    parts = [load(path.with_name(f"{name}.yaml"), folder) for name in node.pop("defaults", [])]
    merged = OmegaConf.to_container(OmegaConf.merge({"runs": str(folder / "runs")}, node), resolve=True)
    assert isinstance(merged, dict)
    del merged["runs"]
    return {key: value for part in (*parts, merged) for key, value in part.items()}


def test_the_default_callbacks_write_everything(
    fit: Fit, repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = load(repository / "conf" / "callbacks" / "default.yaml", tmp_path)
    fit(*(instantiate(node) for node in nodes.values()), enable_progress_bar=True)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"metrics.csv", "curves.png", "samples/latest.png"} | {
        f"samples/step_{step:08d}.png" for step in (4, 8)
    }
    shown = capsys.readouterr().out
    assert "images/s" in shown and "Training finished" in shown


@pytest.mark.parametrize(
    ("option", "written"),
    [
        ("default", {"wandb"}),
        ("wandb", {"wandb"}),
        ("csv", {"csv_logs"}),
        ("tensorboard", {"tensorboard"}),
        ("mlflow", {"runs"}),
        ("all", {"wandb", "csv_logs", "tensorboard", "runs"}),
        ("none", set()),
    ],
)
def test_loggers(
    fit: Fit,
    repository: Path,
    tmp_path: Path,
    option: str,
    written: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "tensorboard" in written:
        pytest.importorskip("tensorboard")
    if "runs" in written:
        pytest.importorskip("mlflow")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    nodes = load(repository / "conf" / "logger" / f"{option}.yaml", tmp_path)
    loggers = [instantiate(node) for node in nodes.values()]
    with finished_runs(loggers):
        fit(logger=loggers, max_steps=4)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == written


def test_no_callbacks(repository: Path, tmp_path: Path) -> None:
    assert load(repository / "conf" / "callbacks" / "none.yaml", tmp_path) == {}
