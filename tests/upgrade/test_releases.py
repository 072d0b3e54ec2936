"""What a released version has written is read for ever: models, runs, banks, shards, pictures, studies.

Every release keeps its files in a folder of its own (scripts/keep_release.py), never made anew: where
a test fails here, the reader is at fault.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asap_lightning import Translator
from asap_lightning.files import sha256_of
from asap_lightning.preference.answers import Answers
from asap_lightning.preference.study import ANSWERS, read_study
from asap_lightning.segments import Bank, retrieve_canvas
from asap_lightning.training import read_checkpoint

RELEASES = sorted((Path(__file__).parent / "releases").iterdir())


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def release(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def copy(release: Path, tmp_path: Path) -> Path:
    """Of what a test writes into."""
    return Path(shutil.copytree(release, tmp_path / "release"))


def test_there_is_a_release_and_its_files_are_as_they_were(release: Path) -> None:
    lines = [line.partition("  ") for line in (release / "SHA256SUMS").read_text().splitlines()]
    listed = {name: digest for digest, _, name in lines}
    found = {path.relative_to(release).as_posix(): path for path in release.rglob("*") if path.is_file()}
    assert found.keys() == listed.keys() | {"SHA256SUMS"}
    for name, digest in listed.items():
        assert sha256_of(found[name]) == digest, f"{name} was changed"
    assert json.loads((release / "release.json").read_text())["version"] == release.name


def test_models_translate_as_they_did(release: Path) -> None:
    given, made = (np.load(release / "models" / name) for name in ("given.npz", "made.npz"))
    names = {path.stem for path in (release / "models").glob("*.safetensors")}
    assert names == set(made.files) and len(names) > 10
    for name in sorted(names):
        translator = Translator.load(release / "models" / f"{name}.safetensors", device="cpu")
        further = {"canvas": given["canvas"]} if name == "SimsGenerator" else {}
        if name == "CocosnetGenerator":
            further = {"guide": given["photo"][::-1], "guide_condition": given["label"][::-1]}
        condition = given["photo"] if translator.spec.kind == "image" else given["label"]
        image = translator(condition, **further)
        apart = np.abs(image.astype(int) - made[name].astype(int))
        assert apart.max() <= 1, f"{name}: {apart.max()} levels apart"
        assert made[name].std() > 1, f"{name}: a flat picture shows nothing"


def test_a_runs_checkpoint_translates_as_it_did(release: Path) -> None:
    translator = Translator.load(release / "runs" / "asap" / "checkpoints" / "last.ckpt", device="cpu")
    translated = sorted((release / "translated").glob("*.png"))
    assert len(translated) == 6
    for path in translated:
        image = translator(release / "data" / "base" / path.name)
        assert np.abs(np.asarray(image, int) - np.asarray(Image.open(path), int)).max() <= 1


@pytest.mark.parametrize("name", ["asap", "pix2pix"])
def test_trainings_are_resumed(asap, copy: Path, name: str) -> None:
    called = json.loads((copy / "release.json").read_text())["called"][name]
    kept = [word for word in called if not word.startswith(("data.root=", "trainer.max_steps="))]
    root, last = f"data.root={copy / 'data'}", copy / "runs" / name / "checkpoints" / "last.ckpt"
    asked = (*kept, root, f"ckpt={last}", "trainer.max_steps=6", f"hydra.run.dir={copy / 'runs' / name}")
    ended = asap("train", *asked)
    assert ended.code == 0, ended.err
    assert read_checkpoint(last)["global_step"] == 6


def test_runs_are_evaluated_and_reported(asap, copy: Path) -> None:
    run, root = copy / "runs" / "asap", f"data.root={copy / 'data'}"
    measured = asap("evaluate", f"ckpt={run}", root, "output=figures", "data.num_workers=0")
    assert measured.code == 0, measured.err
    assert json.loads(Path("figures/metrics.json").read_text())["metrics"]["psnr"] > 3
    assert asap("report", "training", run).code == 0
    assert asap("report", "compare", run, copy / "runs" / "pix2pix").code == 0


def test_a_sweep_is_reported(asap, copy: Path) -> None:
    told = asap("report", "sweep", copy / "runs" / "sweep")
    assert told.code == 0, told.err
    assert "mlp_width" in told.out


def test_pictures_that_were_translated_are_known_again(asap, copy: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in (copy / "translated").iterdir()}
    again = asap(
        "predict", f"ckpt={copy / 'runs/asap/checkpoints/last.ckpt'}", f"input={copy / 'data/base'}",
        "pattern=*.png", f"output={copy / 'translated'}", "device=cpu",
    )  # fmt: skip
    assert again.code == 0, again.err
    assert {path.name: path.stat().st_mtime_ns for path in (copy / "translated").iterdir()} == before


def test_a_pyramid_is_sampled(asap, copy: Path) -> None:
    asked = (f"ckpt={copy / 'runs' / 'singan'}", "output=samples", "count=2", "device=cpu")
    ended = asap("singan", "sample", *asked)
    assert ended.code == 0, ended.err
    assert len(list(Path("samples").glob("*.png"))) >= 2


def test_a_bank_is_read_and_searched(release: Path) -> None:
    bank = Bank(release / "bank")
    bank.verify()
    label = np.asarray(Image.open(release / "data" / "base" / "cmp_b0006.png"))
    canvas, _ = retrieve_canvas(bank, label - 1)
    assert canvas[..., 3].any()


def test_shards_are_read(asap, copy: Path) -> None:
    run = copy / "runs" / "asap"
    asked = (f"ckpt={run}", "data=shards", f"data.root={copy / 'shards'}", "data.num_workers=0")
    ended = asap("evaluate", *asked, "output=figures")
    assert ended.code == 0, ended.err


def test_a_study_keeps_its_answers_and_takes_more(asap, copy: Path) -> None:
    study = read_study(copy / "study")
    with Answers(copy / "study" / ANSWERS, study) as answers:
        given = len(answers.everything())
        assert given >= 6 and len(answers.participants()) == 1
        joined = answers.join()
        first = answers.session(joined)[0]
        assert answers.add(joined, first.position, "left", 900)
        assert len([one for one in answers.everything() if one.choice]) > given - 1
    told = asap("study", "report", copy / "study")
    assert told.code == 0, told.err
    assert "ours preferred to theirs" in told.out
