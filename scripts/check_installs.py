"""Installs a wheel and a source distribution into empty environments, and tries what users try first.

    python scripts/check_installs.py dist/*.whl dist/*.tar.gz --python python3.11 --python python3.12

Every environment is made anew in a temporary folder (``--work`` names another), outside the repository, with
no library of this one. There are four for each interpreter: the wheel, the wheel with extras, the source
distribution with a compiler, and where none is found. In each the program says what it has (``asap doctor``),
translates by the model in the box, and trains two steps. A table is printed, ``--out`` writes it as JSON; the
exit code is 1 where one of them failed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

EXTRAS = "evaluation,large,mlflow,onnx,reports,serve,study,sweep,tensorboard,video"
CHECK = Path(__file__).with_name("check_wheel.py")


@dataclass
class Case:
    """One environment: an interpreter, what is installed, and whether a compiler is to be found."""

    python: str
    file: Path
    extras: str = ""
    compiler: bool = True

    @property
    def what(self) -> str:
        kind = "wheel" if self.file.suffix == ".whl" else "sdist"
        return kind + (" with extras" if self.extras else "") + ("" if self.compiler else ", no compiler")


@dataclass
class Outcome:
    """What became of a case: ``failure`` is empty where everything worked."""

    python: str
    what: str
    kernels: str = ""
    seconds: float = 0.0
    packages: int = 0
    failure: str = ""


class StepFailed(Exception):
    """A command ended with another code than 0; the text is its last lines."""


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """What the command printed.

    Raises:
        StepFailed: it ended with another exit code than 0.
    """
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1800)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-12:])
        raise StepFailed(f"{' '.join(command[:4])} .. ended with {done.returncode}:\n{last}")
    return done.stdout + done.stderr


def environment_of(case: Case, folder: Path) -> dict[str, str]:
    """This process's variables, without what leads to other Python packages, or to a compiler."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    kept |= {"WANDB_MODE": "disabled", "OMP_NUM_THREADS": "1", "HOME": str(folder)}
    kept["UV_CACHE_DIR"] = os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv"))
    if not case.compiler:  # CMake looks in /usr/bin, whatever the path is
        kept |= {"CC": "/nonexistent/cc", "CXX": "/nonexistent/c++"}
    return kept


def kernels_of(doctor: str, case: Case) -> str:
    """The line of ``asap doctor`` about the native kernels: there with a compiler, and only with one.

    Raises:
        StepFailed: there are none though there was a compiler, or some though there was none.
    """
    line = next((line for line in doctor.splitlines() if line.split()[1:2] == ["native"]), "")
    there = line.lstrip().startswith("ok")
    if there is not case.compiler:
        raise StepFailed(f"a compiler: {case.compiler}, but asap doctor says: {line or doctor}")
    return line.split("native", 1)[-1].strip() if there else "none: plain torch"


def try_case(case: Case, uv: str, folder: Path) -> Outcome:
    """Makes the environment, installs, and tries doctor, the model in the box and two steps of training."""
    outcome = Outcome(python=case.python, what=case.what)
    started = time.monotonic()
    environment = environment_of(case, folder)
    file = shutil.copy(case.file, folder)  # a wheel made of the same path is kept, compiler or not
    target = file + (f"[{case.extras}]" if case.extras else "")
    venv = folder / "venv"
    python, asap = str(venv / "bin" / "python"), str(venv / "bin" / "asap")
    try:
        run([uv, "venv", "--quiet", "--python", case.python, str(venv)], folder, environment)
        install = [uv, "pip", "install", "--quiet", "--python", python]
        run([*install, target], folder, environment)
        listed = run([uv, "pip", "list", "--python", python, "--format", "json"], folder, environment)
        outcome.packages = len(json.loads(listed[: listed.rindex("]") + 1]))
        outcome.kernels = kernels_of(run([asap, "doctor"], folder, environment), case)
        if case.compiler:
            run([python, str(CHECK)], folder, environment)
        run([asap, "data", "demo", "drawn", "--count", "2"], folder, environment)
        translate = ["predict", "model=facades", "input=drawn/base", "pattern=*.png", "output=translated"]
        run([asap, *translate, "device=cpu"], folder, environment)
        if len(list((folder / "translated").rglob("*.png"))) != 2:
            raise StepFailed("asap predict wrote other than the two images")
        run([asap, "train", "experiment=demo", "trainer.max_steps=2"], folder, environment)
    except (StepFailed, subprocess.TimeoutExpired, OSError, ValueError) as error:
        outcome.failure = str(error)
    outcome.seconds = round(time.monotonic() - started, 1)
    return outcome


def cases_of(files: list[Path], pythons: list[str]) -> list[Case]:
    """Every case: wheels with and without extras, source distributions with and without a compiler."""
    cases = []
    for python in pythons:
        for file in files:
            second = {"extras": EXTRAS} if file.suffix == ".whl" else {"compiler": False}
            cases += [Case(python, file), Case(python, file, **second)]  # type: ignore[arg-type]
    return cases


def show(outcome: Outcome) -> None:
    """A line of the table, and the failure."""
    word = "failed" if outcome.failure else "ok"
    cost = f"{outcome.packages:4} packages {outcome.seconds:6.1f} s"
    print(f"{word:6} {outcome.python:8} {outcome.what:22} {cost}  {outcome.kernels}", flush=True)
    if outcome.failure:
        print(outcome.failure, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Tries every case; see the module's text."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, help="wheels and source distributions")
    parser.add_argument("--python", action="append", default=[], help="an interpreter; repeat it for more")
    parser.add_argument("--work", type=Path, default=None, help="where environments are made and removed")
    parser.add_argument("--out", type=Path, default=None, help="the table as JSON")
    options = parser.parse_args(arguments)
    if absent := [str(file) for file in options.files if not file.is_file()]:
        parser.error(f"no such file: {', '.join(absent)}; make build wheels makes them")
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        parser.error("uv is needed to make the environments: pip install uv")
    outcomes = []
    for case in cases_of(options.files, options.python or [sys.executable]):
        with tempfile.TemporaryDirectory(dir=options.work, prefix="asap_install_") as folder:
            outcome = try_case(case, uv, Path(folder))
        outcome.python = run([case.python, "--version"], Path.cwd(), dict(os.environ)).split()[-1]
        outcomes.append(outcome)
        show(outcome)
    print(f"{sum(not outcome.failure for outcome in outcomes)} of {len(outcomes)} environments work")
    if options.out:
        options.out.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1) + "\n")
    return int(any(outcome.failure for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
