"""``asap evaluate data=NAME`` measures as the checkpoint was validated, and the report says how."""

from __future__ import annotations

import json
from pathlib import Path

from asap_lightning.configuration.measured import decided_by
from asap_lightning.training import ModelDescription


def test_another_data_set_is_measured_at_the_checkpoints_size(
    asap, trained: Path, facades: Path, tmp_path: Path
) -> None:
    given = (f"data.root={facades}", "data.num_workers=0")
    figures = {}
    for name, words in (("same", ()), ("other", ("data=demo",)), ("typed", ("data=demo", "data.height=32"))):
        shown = asap("evaluate", f"ckpt={trained}", *given, *words, f"output={name}")
        assert shown.code == 0, shown.err
        figures[name] = json.loads((tmp_path / name / "metrics.json").read_text())
        height = 32 if name == "typed" else 64
        assert f"split val, 64 x {height} (width x height), mode fixed" in shown.out.replace("\n", " ")
    assert figures["other"]["metrics"] == figures["same"]["metrics"] != figures["typed"]["metrics"]
    about = figures["other"]["about"]
    expected = {"height": 64, "width": 64, "mode": "fixed", "split": "val", "limit": None, "pairs": 1}
    assert about["data"].items() >= expected.items() and about["weights"] == "auto"


def test_what_decides_the_measure_is_the_checkpoints_unless_it_was_typed() -> None:
    stored = {"height": 64, "width": 96, "eval_mode": "none", "root": "a", "flip": True}
    trained = ModelDescription({}, {}, config={"data": stored})
    assert decided_by(trained, {"data.width"}) == {"height": 64, "eval_mode": "none"}
    assert decided_by(ModelDescription({}, {}), ()) == {}
