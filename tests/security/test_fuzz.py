"""A short run of the fuzzer (``make fuzz`` reads 10,000 files): the same files every time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FILES = 300


def test_spoiled_files_are_loaded_or_refused():
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("fuzz.py"), str(FILES)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    *_, last = done.stdout.strip().splitlines()
    files, loaded, refused, crashed, harmed, _ = map(int, last.split()[1:])
    assert files == FILES == loaded + refused and loaded and refused and not crashed and not harmed
