"""Folders of runs, written without training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from asap_lightning.data.panels import save_png, tile
from asap_lightning.run_folder.history import MetricHistory

CONFIG: dict[str, Any] = {
    "name": "demo",
    "data": {"height": 8, "width": 12, "batch_size": 2},
    "generator": {"_target_": "asap_lightning.models.AsapGenerator", "mlp_width": 8},
    "training": {"accumulate": 1},
    "trainer": {"max_steps": 60},
    "callbacks": {"sample_grid": {"count": 3}},
}
MakeRun = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Writes ``<tmp_path>/<name>`` as `asap train` would leave it."""

    def make(
        name: str = "run",
        *,
        steps: int = 60,
        columns: Mapping[str, Callable[[int], float]] | None = None,
        config: Mapping[str, Any] | None = None,
        samples: int = 0,
        exemplars: int | None = None,
        grids: tuple[int, ...] = (0, 30, 60),
        finished: bool = True,
    ) -> Path:
        folder = tmp_path / name
        history = MetricHistory(folder / "metrics.csv")
        logged = columns or {
            "loss_g/total": lambda step: 50 - step / 3,
            "loss_g/l1": lambda step: 40 - step / 3,
            "speed/images_per_second": lambda step: 10.0,
        }
        history.add(0, {"epoch": 0.0, "val/psnr": 10.0, "val/l1": 0.25})
        for step in range(1, steps + 1):
            history.add(step, {"epoch": 0.0, **{column: of(step) for column, of in logged.items()}})
            if step % 20 == 0:
                history.add(step, {"val/psnr": 10 + step / 10, "val/l1": 0.25 - step / 1000})
        (folder / ".hydra").mkdir()
        (folder / ".hydra" / "overrides.yaml").write_text("- experiment=demo\n- name=<b>&co\n")
        data = CONFIG["data"] if exemplars is None else {**CONFIG["data"], "exemplar": "random"}
        text = yaml.safe_dump({**CONFIG, "data": data, **(config or {})})
        (folder / "config.yaml").write_text(text)
        for step in grids:
            grid = grid_of(samples, step, exemplars)
            save_png(folder / "samples" / f"step_{step:08d}.png", grid)
        if finished:
            (folder / "finished.json").write_text("{}")
        return folder

    return make


def grid_of(samples: int, step: int, exemplars: int | None = None) -> np.ndarray:
    """Three rows of condition, generated, photo; ``samples`` chooses what was validated.

    With ``exemplars`` each row has one beside its condition.
    """
    fixed, made = np.random.default_rng(samples), np.random.default_rng(1000 + step)
    rows = [
        [random.integers(0, 256, (8, 12, 3), np.uint8) for random in (fixed, made, fixed)] for _ in range(3)
    ]
    if exemplars is None:
        return tile(rows, ["label", "generated", "photo"])
    lent = np.random.default_rng(exemplars)
    for row in rows:
        row.insert(1, lent.integers(0, 256, (8, 12, 3), np.uint8))
    return tile(rows, ["label", "exemplar", "generated", "photo"])
