"""What each command loads, in a process of its own: who translates four pictures does not wait for training.

Imports are counted, not seconds: a machine may be busy.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import small
from asap_lightning.commands import COMMANDS, Command
from asap_lightning.data.demo import write_demo_dataset
from asap_lightning.singan.checkpoint import write_pyramid
from pyramids import make_pyramid

LIGHTNING = ("pytorch_lightning", "lightning_fabric")
METRICS = ("torchmetrics", "torchvision")
TRAINING = (*LIGHTNING, "albumentations", "wandb")
COMPILER = ("torch._dynamo", "torch._inductor")

PROGRAM = """
import json, sys
from asap_lightning.cli import main
code = main(json.loads(sys.argv[1]))
print("loaded", *sys.modules, file=sys.stderr)
sys.exit(code)
"""


def loaded_by(*words: object, cwd: Path) -> set[str]:
    """The modules that ``asap WORDS`` has loaded when it has ended well."""
    arguments = json.dumps([str(word) for word in words])
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return set(ended.stderr.rpartition("loaded ")[2].split())


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four label maps."""
    root = tmp_path_factory.mktemp("labels") / "demo"
    write_demo_dataset(root, count=4, size=64, workers=1, progress=False)
    inputs = root.parent / "inputs"
    inputs.mkdir()
    for path in root.rglob("*.png"):
        path.rename(inputs / path.name)
    return inputs


def test_predict(trained: Path, labels: Path, tmp_path: Path) -> None:
    loaded = loaded_by("predict", f"ckpt={trained}", f"input={labels}", "output=out", cwd=tmp_path)
    assert len(list((tmp_path / "out").glob("*.png"))) == 4
    assert not loaded & {*TRAINING, *METRICS, *COMPILER, "scipy", "matplotlib", "cv2"}


def test_evaluate(trained: Path, tmp_path: Path) -> None:
    loaded = loaded_by("evaluate", f"ckpt={trained}", "output=out", cwd=tmp_path)
    assert (tmp_path / "out" / "metrics.json").is_file()
    assert not loaded & {*TRAINING, *METRICS, *COMPILER}


def test_data_check(facades: Path, tmp_path: Path) -> None:
    loaded = loaded_by("data", "check", facades, cwd=tmp_path)
    assert not loaded & {*TRAINING, *METRICS, *COMPILER, "scipy", "matplotlib", "cv2"}


def test_report_training(trained: Path, tmp_path: Path) -> None:
    (trained / "metrics.csv").write_text("step,val/psnr\n1,10.0\n", encoding="utf-8")
    loaded = loaded_by("report", "training", trained, "--out", tmp_path / "report.html", cwd=tmp_path)
    assert not loaded & {*TRAINING, *METRICS}


def test_singan_sample(tmp_path: Path) -> None:
    write_pyramid(make_pyramid(), tmp_path / "p.ckpt")
    words = ("ckpt=p.ckpt", "output=out", "count=1", "measure=false")
    loaded = loaded_by("singan", "sample", *words, cwd=tmp_path)
    assert (tmp_path / "out/sheet.png").is_file()
    unwanted = loaded & {*TRAINING, *METRICS, *COMPILER, "scipy", "matplotlib", "cv2"}
    assert not unwanted


def test_help_of_a_subcommand_needs_no_torch(tmp_path: Path) -> None:
    assert "torch" not in loaded_by("singan", "super-resolve", "--help", cwd=tmp_path)


def test_train_without_wandb_does_not_load_it(facades: Path, tmp_path: Path) -> None:
    words = [*small.NETWORK, *small.data(), f"data.root={facades}", "logger=csv", "trainer.max_steps=1"]
    loaded = loaded_by("train", *words, cwd=tmp_path)
    assert "pytorch_lightning" in loaded and not loaded & {"wandb", "mlflow", "optuna"}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_of_every_command_needs_no_torch(command: Command, tmp_path: Path) -> None:
    loaded = loaded_by(command.name, "--help", cwd=tmp_path)
    assert not loaded & {"torch", "numpy", "PIL", *TRAINING, *METRICS, "starlette", "optuna", "matplotlib"}


def test_help_of_singan_train_needs_no_torch(tmp_path: Path) -> None:
    assert "torch" not in loaded_by("singan", "train", "--help", cwd=tmp_path)


def test_help_and_the_configuration_need_no_torch(tmp_path: Path) -> None:
    assert "hydra" not in loaded_by("--help", cwd=tmp_path)
    assert "torch" not in loaded_by("train", "--cfg", "job", "data.root=x", cwd=tmp_path)


def test_a_translator_at_the_cost_of_torch() -> None:
    code = "from asap_lightning.inference import Translator; import sys; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    unwanted = {*TRAINING, *METRICS, *COMPILER, "hydra", "scipy", "matplotlib", "cv2", "yaml", "rich"}
    assert not set(said.split()) & unwanted


def test_the_translator_is_at_the_top_of_the_package(tmp_path: Path) -> None:
    program = (
        "import sys; import asap_lightning; assert 'torch' not in sys.modules; "
        "from asap_lightning import Translator; print(*sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(shown.stdout.split())
    assert "torch" in loaded
    assert not loaded & {
        *TRAINING,
        *METRICS,
        *COMPILER,
        "scipy",
        "matplotlib",
        "cv2",
        "requests",
        "safetensors",
    }
