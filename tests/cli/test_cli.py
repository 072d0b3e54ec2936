"""The program itself: help, version, unknown commands, exit codes, and what it imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asap_lightning import __version__, cli
from asap_lightning.commands import COMMANDS, Command
from asap_lightning.configuration.suggest import did_you_mean, nearest
from asap_lightning.errors import UserError

HEAVY = ("torch", "pytorch_lightning", "hydra", "omegaconf", "wandb", "numpy", "albumentations", "rich")


def modules_loaded_by(*arguments: str) -> set[str]:
    """Names of the heavy libraries that a call of ``asap`` in a fresh interpreter has loaded."""
    script = (
        "import sys, contextlib, io\n"
        "from asap_lightning.cli import main\n"
        f"with contextlib.redirect_stdout(io.StringIO()): code = main({list(arguments)!r})\n"
        "assert code == 0, code\n"
        f"print(*(name for name in {HEAVY!r} if name in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("completion", "bash")])
def test_quick_answers_load_no_heavy_library(arguments: tuple[str, ...]) -> None:
    assert modules_loaded_by(*arguments) == set()


def test_composing_a_configuration_loads_neither_torch_nor_lightning() -> None:
    assert modules_loaded_by("train", "--cfg", "job") <= {"hydra", "omegaconf"}


def test_help_lists_every_command(asap) -> None:
    shown = asap("--help")
    assert shown.code == 0
    for command in COMMANDS:
        assert f"  {command.name}" in shown.out and command.help in shown.out


def test_version(asap) -> None:
    assert asap("--version").out == f"asap-lightning {__version__}\n"


def test_no_command_is_a_mistake_that_shows_the_help(asap) -> None:
    shown = asap()
    assert shown.code == 2 and "usage: asap COMMAND" in shown.out


@pytest.mark.parametrize(
    ("typed", "meant"), [("trian", "train"), ("evalute", "evaluate"), ("predikt", "predict")]
)
def test_unknown_command_names_the_nearest(asap, typed: str, meant: str) -> None:
    shown = asap(typed)
    assert shown.code == 2
    assert f"no command '{typed}'" in shown.err and f"Did you mean {meant}?" in shown.err


def test_module_runs_as_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "asap_lightning", "--version"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, f"asap-lightning {__version__}\n")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("bad file"), 2, "asap data: error: bad file\n"),
        (KeyboardInterrupt(), 130, "asap data: interrupted\n"),
    ],
)
def test_exit_codes(asap, monkeypatch, error: BaseException, code: int, message: str) -> None:
    def fails(command: Command, arguments: list[str]) -> int:
        raise error

    monkeypatch.setattr(cli, "execute", fails)
    shown = asap("data")
    assert (shown.code, shown.err) == (code, message)


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_debug_raises_a_mistake_instead_of_printing_it(asap, monkeypatch, how: str) -> None:
    arguments = ["train", "generator.mlp_widht=3", "--cfg", "job"]
    if how == "flag":
        arguments.insert(0, "--debug")
    else:
        monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(UserError, match=r"generator\.mlp_width") as caught:
        asap(*arguments)
    assert caught.value.__cause__ is not None


def test_a_crash_is_not_taken_for_a_mistake(asap, monkeypatch) -> None:
    monkeypatch.setattr(cli, "execute", lambda command, arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        asap("data")


def test_nearest_names() -> None:
    keys = ["generator.mlp_width", "generator.mlp_depth", "discriminator.width", "seed"]
    assert nearest("generator.mlp_widht", keys) == ["generator.mlp_width"]
    assert nearest("mlp_depth", keys) == ["generator.mlp_depth"]
    assert nearest("sed", keys) == ["seed"]
    assert nearest("qqqq", keys) == []
    assert did_you_mean("qqqq", keys) == ""


@pytest.mark.parametrize("words", [["predict", "--help"], ["train", "--cfg", "job"], ["--help"]])
def test_a_reader_that_goes_away_is_no_mistake(words: list[str], tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "asap_lightning", *words]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, cwd=tmp_path, text=True, timeout=120)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")
