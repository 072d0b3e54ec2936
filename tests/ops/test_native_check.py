"""The kernels against their definitions without Python, as `make neon` runs them for another processor."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from asap_lightning.ops.native_library import ISA_VARIABLE, candidates, load_failure

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(load_failure()), reason="the native library is not here"),
    pytest.mark.skipif(shutil.which("c++") is None, reason="there is no C++ compiler"),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made, library = tmp_path_factory.mktemp("check") / "check", next(filter(Path.is_file, candidates()))
    source = ROOT / "native" / "tests" / "check.cpp"
    command = ["c++", "-O1", "-std=c++17", str(source), str(library), "-o", str(made)]
    subprocess.run([*command, f"-Wl,-rpath,{library.parent}", "-pthread"], check=True)
    return made


@pytest.mark.parametrize("isa", ["avx512", "avx2", "generic"])
@pytest.mark.parametrize("threads", ["1", "3"])
def test_every_kernel_agrees_with_its_definition(program: Path, isa: str, threads: str) -> None:
    environment = {**os.environ, ISA_VARIABLE: isa}
    done = subprocess.run([program, threads], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("all agree\n"), done.stdout
