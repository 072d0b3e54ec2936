"""What a checkpoint, an index of shards or a study's journal says of data runs and writes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asap_lightning import cli
from asap_lightning.data.layouts import CmpFacades, Shards
from asap_lightning.data.shards.cache import default_folder
from asap_lightning.data.shards.members import Encoding
from asap_lightning.data.shards.writer import settings_of
from asap_lightning.errors import UserError
from asap_lightning.evaluation.cost.checkpoint import measure_checkpoint
from asap_lightning.evaluation.training_data import training_data
from asap_lightning.inference.conditions import condition_reader

from .conftest import SPEC, Spoil, described

DATA = described()["config"]["data"]
LAYOUTS = "asap_lightning.data.layouts"
INSTANTIATE = "asap_lightning.configuration.assemble.instantiate"


def removing(canary: Path) -> dict[str, Any]:
    return {"_target_": INSTANTIATE, "config": {"_target_": "os.remove", "path": str(canary)}}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a stranger": ({"_target_": "os.system"}, "data: refused to build 'os.system'"),
    "a stranger's layout": ({"layout": {"_target_": INSTANTIATE, "_partial_": True}}, "layout: refused"),
    "a network as layout": (
        {"layout": {"_target_": "torch.nn.Identity", "_partial_": True}}, "layout: refused"),
    "a part in the layout": (
        {"layout": {**DATA["layout"], "split": {"_target_": "os.system"}}}, "split: refused to build"),
    "a layout that is built": (
        {"layout": {"_target_": LAYOUTS + ".CmpFacades"}}, "_partial_: true"),
    "a part as root": ({"root": {"_target_": "os.getcwd"}}, "root: refused to build 'os.getcwd'"),
    "no layout": ({"layout": 5}, "data cannot be built"),
    "many pixels": ({"height": 10**9}, "height = 1000000000 is refused: at most 16384"),
    "many pairs": ({"eval_batch_size": 10**6}, "eval_batch_size = 1000000 is refused"),
    "many processes": ({"num_workers": 10**6}, "num_workers = 1000000 is refused"),
    "a text": ({"height": "${oc.env:HOME}"}, "data cannot be built"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_the_data_of_a_checkpoint_is_built_by_the_registry(canary: Path, bounded: None, kind: str) -> None:
    changes, message = REFUSED[kind]
    with pytest.raises(UserError, match=message):
        training_data({**DATA, **changes}, place="x.ckpt")


def test_what_writes_is_not_taken_from_a_checkpoint(canary: Path) -> None:
    hostile = {
        "prepare": {"_target_": "asap_lightning.data.demo.write_demo_dataset", "_partial_": True},
        "extra_transforms": [removing(canary)],
        "root": str(canary.parent / "drawn"),
    }
    data = training_data({**DATA, **hostile})
    data.prepare_data()
    assert not (canary.parent / "drawn").exists() and data.extra_transforms == ()
    layout = {"_target_": LAYOUTS + ".Shards", "_partial_": True}
    shards = training_data(
        {
            **DATA,
            "root": "https://127.0.0.1:1/x",
            "layout": {**layout, "cache": str(canary.parent), "cache_gb": 1e-9},
        }
    ).layout
    assert isinstance(shards, Shards)
    assert (shards.cache, shards.cache_gb) == (default_folder(), 50.0)


@pytest.mark.parametrize("text", ["${oc.env:HOME}", "${asap.run_dir:a,b,last,c}", "${root}", "~", "$HOME"])
def test_a_text_in_a_checkpoint_stays_that_text(text: str) -> None:
    data = training_data({**DATA, "root": text})
    assert data.layout.address == text
    with pytest.raises(UserError, match="there is no such folder"):
        data.items("val")


def test_given_values_win() -> None:
    data = training_data({**DATA, "root": "a", "height": 10**9}, {"root": "b", "height": 32})
    assert (data.layout.address, data.height) == ("b", 32)


@pytest.mark.parametrize("overrides", [(), ("data.height=32",)])
def test_evaluate_refuses_and_runs_nothing(
    spoil: Spoil, canary: Path, capsys: pytest.CaptureFixture[str], overrides: tuple[str, ...]
) -> None:
    path = spoil(config={"data": {**DATA, **removing(canary)}})
    run = f"hydra.run.dir={canary.parent / 'run'}"
    code = cli.main(["evaluate", f"ckpt={path}", "device=cpu", run, *overrides])
    shown = capsys.readouterr().err
    assert code == 2 and f"data: refused to build '{INSTANTIATE}'" in shown and "Traceback" not in shown


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ({"_target_": INSTANTIATE, "_partial_": True}, r"x.ckpt: data.layout: refused"),
        ({"_target_": LAYOUTS + ".Shards", "source": {"class": "os.system", "options": {}}},
         "refused to build 'os.system'"),
        ({"_target_": LAYOUTS + ".Shards", "source": [1]}, "a list of 1; a mapping"),
        ({"_target_": LAYOUTS + ".Shards", "source": {"class": "x", "options": 3}}, "a mapping of"),
        ({"_target_": LAYOUTS + ".SpadeFolders", "num_classes": "${oc.env:HOME}"}, "cannot be built"),
    ],
)  # fmt: skip
def test_predict_reads_files_as_a_registered_layout_says(canary: Path, layout: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        condition_reader(SPEC, layout, place="x.ckpt")


def test_an_index_names_a_layout_of_the_registry(canary: Path) -> None:
    for source, message in (
        ({"class": INSTANTIATE, "options": removing(canary)["config"]}, "layout: refused"),
        ({"class": "torch.nn.Identity", "options": {}}, "refused to build 'torch.nn.Identity'"),
        (
            {"class": LAYOUTS + ".Shards", "options": {}},
            "refused to build '.*Shards'",
        ),
        (
            {"class": LAYOUTS + ".CmpFacades", "options": {"split": {"_target_": "os.system"}}},
            "'os.system': no part",
        ),
        ({"class": LAYOUTS + ".CmpFacades", "options": {"colour": 1}}, "cannot be built: .*colour"),
    ):
        with pytest.raises(UserError, match=message):
            _ = Shards(".", source=source).original
    made = Shards(
        ".", source={"class": LAYOUTS + ".CmpFacades", "options": {"root": "/", "split": "ratio"}}
    ).original
    assert isinstance(made, CmpFacades) and made.address == "."


def test_shards_that_no_index_could_describe_are_not_written() -> None:
    with pytest.raises(UserError, match=r"data.layout: refused to build 'my.Layout'"):
        settings_of(CmpFacades("."), {"_target_": "my.Layout", "_partial_": True}, Encoding())


def test_the_size_that_is_timed_is_bounded(spoil: Spoil, bounded: None) -> None:
    for height in ("${oc.env:HOME}", 10**6, -1, True):
        path = spoil(config={"data": {**DATA, "height": height}})
        with pytest.raises(UserError, match=r"data.height is .*numbers of pixels up to 16384"):
            measure_checkpoint(path, device="cpu", repeats=1)
    assert measure_checkpoint(spoil(config={"data": [1]}), device="cpu", repeats=0).size == (256, 256)


def test_a_study_takes_no_words_from_its_journal(tmp_path: Path, canary: Path) -> None:
    """Values become overrides of a job, a trial's folder is where a lock is looked for."""
    pytest.importorskip("optuna")
    from asap_lightning.run_folder.names import JOURNAL
    from asap_lightning.sweeping.space import Whole
    from asap_lightning.sweeping.study import SharedStudy, StudySettings
    from asap_lightning.sweeping.trial import FOLDER, open_trial

    settings = StudySettings({"generator.mlp_width": Whole(4, 8)}, "val/psnr", True, "parameters", 3)
    for name in ("value", "folder"):
        folder = tmp_path / name
        claim = SharedStudy(folder, settings).claim()
        assert claim is not None
        claim.lock.release()
        journal = folder / JOURNAL
        if name == "folder":
            open_trial(folder, 0).note(**{FOLDER: str(canary.parent)})
        else:
            lines = [json.loads(line) for line in journal.read_text().splitlines()]
            for line in lines:
                if "param_value_internal" in line:
                    line["param_value_internal"] = 10**9
                    line["distribution"] = line["distribution"].replace('"high": 8', '"high": 10000000000')
            journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
        with pytest.raises(UserError, match=r"not in its search space|in the sweep's was"):
            SharedStudy(folder, settings).claim()
    assert not (canary.parent / ".lock").exists()
