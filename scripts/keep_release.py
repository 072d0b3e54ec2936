"""Writes the files of a release that later versions must read for ever: tests/upgrade/releases/VERSION.

    python scripts/keep_release.py tests/upgrade/releases/0.1.0

Run once, when a version is released, by that version. Everything is made by the program itself from six drawn
facades of 64 x 64 pixels and networks of a few thousand weights: a model file of every generator with what it
translated, runs of ``asap train``, of a sweep and of ``asap singan train``, a memory bank, shards, translated
pictures with their manifest, and a preference study. A folder that is there is never changed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import small  # noqa: E402
from asap_lightning import Translator, __version__, cli, models  # noqa: E402
from asap_lightning.checkpoint import ModelDescription  # noqa: E402
from asap_lightning.condition import ConditionSpec  # noqa: E402
from asap_lightning.files import sha256_of  # noqa: E402
from asap_lightning.model_file import write_model  # noqa: E402
from asap_lightning.preference.answers import Answers  # noqa: E402
from asap_lightning.preference.study import ANSWERS, read_study  # noqa: E402

LABELS = ConditionSpec("label", num_classes=4, has_unknown=True)
PICTURES = ConditionSpec("image", channels=3)
SIZE = ("data.height=64", "data.width=64")
PLAIN = (*small.data(), "logger=csv", "trainer.accelerator=cpu", "data.root=data")
SINGAN = ("iterations=2", "network.width=2", "network.max_width=4", "trainer.accelerator=cpu", "max_size=32")


def asap(*words: str) -> None:
    """Runs the program.

    Raises:
        SystemExit: it ended with another exit code than 0.
    """
    if code := cli.main(list(words)):
        sys.exit(f"asap {' '.join(words)} ended with {code}")


def keep_models(folder: Path) -> None:
    """A model file of every generator, the conditions, and what each made of them."""
    folder.mkdir()
    draw = np.random.default_rng(0)
    label = np.kron(draw.integers(0, 5, (8, 8)), np.ones((8, 8), int)).astype(np.uint8)
    photo = np.kron(draw.integers(0, 256, (8, 8, 3)), np.ones((8, 8, 1), int)).astype(np.uint8)
    canvas = np.concatenate([photo, np.where(label[..., None] > 1, 255, 0)], -1).astype(np.uint8)
    canvas[canvas[..., 3] == 0] = 0
    np.savez_compressed(folder / "given.npz", label=label, photo=photo, canvas=canvas)
    made = {}
    for name, usual in sorted(small.NETWORKS.items()):
        settings = usual | ({"hidden": 8} if name == "CcFpseGenerator" else {})
        torch.manual_seed(0)
        spec = PICTURES if name == "HdrnetGenerator" else LABELS
        network = getattr(models, name)(spec, **settings)
        for parameter in network.parameters():
            if parameter.ndim > 1 and name != "CcFpseGenerator":  # whose predicted filters overflow
                torch.nn.init.kaiming_normal_(parameter)
        target = {"_target_": f"asap_lightning.models.{name}", **settings}
        path = folder / f"{name}.safetensors"
        write_model(path, ModelDescription(spec.as_dict(), target), network.state_dict(), dtype="float16")
        translator = Translator.load(path, device="cpu")
        made[name] = translator(photo if spec is PICTURES else label, **further(name, label, photo, canvas))
        assert 5 < made[name].std() < 125, f"{name}: a flat picture shows nothing"
    np.savez_compressed(folder / "made.npz", **made)


def further(name: str, label: Any, photo: Any, canvas: Any) -> dict[str, Any]:
    """What a generator is given beside its condition."""
    if name == "CocosnetGenerator":
        return {"guide": photo[::-1], "guide_condition": label[::-1]}
    return {"canvas": canvas} if name == "SimsGenerator" else {}


def keep_runs() -> dict[str, list[str]]:
    """Two trainings, a sweep of two jobs, and a pyramid of a single image; how the trainings were called."""
    steps = ("trainer.max_epochs=-1", "trainer.max_steps=4")
    unet = (f"generator.{name}={value}" for name, value in small.NETWORKS["UNetGenerator"].items())
    called = {
        "asap": [*small.NETWORK, *PLAIN, *steps],
        "pix2pix": [
            *(
                "generator=pix2pix",
                *unet,
                "discriminator=patchgan70",
                "discriminator.width=4",
                "loss=pix2pix",
            ),
            *(*PLAIN, *steps, "checkpoint.monitor=null"),
        ],
    }
    for name, words in called.items():
        asap("train", *words, f"name={name}", f"hydra.run.dir=runs/{name}")
    sweep = (
        "trainer.max_epochs=-1",
        "trainer.max_steps=2",
        "checkpoint.monitor=null",
        "generator.mlp_width=4,8",
    )
    asap("train", "-m", *small.NETWORK, *PLAIN, *sweep, "name=sweep", "hydra.sweep.dir=runs/sweep")
    photo = next(Path("data").rglob("*.jpg"))
    asap("singan", "train", f"image={photo}", *SINGAN, "hydra.run.dir=runs/singan")
    return called


def keep_others() -> None:
    """A bank, shards, translated pictures, and a study."""
    asap("data", "segments", "data=demo", "data.root=data", *SIZE, "out=bank")
    asap("data", "shard", "data=demo", "data.root=data", "out=shards")
    labels = ("input=data/base", "pattern=*.png", "output=translated", "device=cpu")
    asap("predict", "ckpt=runs/asap", *labels)
    shutil.copytree("translated", "other")
    asap("study", "make", "ours=translated", "theirs=other", "--out", "study", "--practice", "0")
    shutil.rmtree("other")
    study = read_study(Path("study"))
    with Answers(Path("study") / ANSWERS, study) as answers:
        joined = answers.join()
        for one in answers.session(joined):
            answers.add(joined, one.position, one.trial.expected or "left", 800)


def drop_the_rest(folder: Path) -> None:
    """Removes what nothing reads again: Hydra's own settings, logs, locks, checkpoints of a sweep."""
    unread = (
        ".hydra/hydra.yaml",
        "curves.png",
        "*.log",
        ".lock",
        "multirun.yaml",
        "job_*/checkpoints",
        "runs/predict",
    )
    for pattern in unread:
        for path in sorted(folder.rglob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def sums(folder: Path) -> str:
    """The SHA-256 of every file, as ``sha256sum`` writes them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found = {path.relative_to(folder): sha256_of(path) for path in files}
    return "".join(f"{digest}  {path.as_posix()}\n" for path, digest in found.items())


def main() -> None:
    """Makes the folder; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path, help="tests/upgrade/releases/VERSION")
    folder = parser.parse_args().folder.resolve()
    if folder.exists():
        parser.error(f"{folder} is there: the files of a release are never made anew")
    folder.parent.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        made = Path(place) / folder.name
        made.mkdir()
        os.chdir(made)
        asap("data", "demo", "data", "--count", "6", "--size", "64")
        keep_models(made / "models")
        called = keep_runs()
        keep_others()
        drop_the_rest(made)
        (made / "release.json").write_text(
            json.dumps({"version": __version__, "called": called}, indent=1) + "\n"
        )
        (made / "SHA256SUMS").write_text(sums(made))
        os.chdir(folder.parent)
        shutil.move(made, folder)


if __name__ == "__main__":
    main()
