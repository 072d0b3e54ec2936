"""How workers share a machine; Ray itself, with a worker killed, in a test that takes minutes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from asap_lightning.batch.ray_engine import RayOptions, RayWorker, Share, share
from asap_lightning.batch.worker import Unit
from asap_lightning.errors import UserError
from waiting import wait_for


@pytest.mark.parametrize(
    ("options", "cpus", "gpus", "expected"),
    [
        (RayOptions(), 2, 0, Share(2, 0.74, 0.0, 1)),
        (RayOptions(workers=2), 2, 0, Share(2, 0.74, 0.0, 1)),
        (RayOptions(), 1, 0, Share(1, 0.49, 0.0, 1)),
        (RayOptions(cpus=4), 16, 0, Share(4, 3.87, 0.0, 4)),
        (RayOptions(), 64, 8, Share(8, 1.0, 1.0, 1)),
        (RayOptions(gpus=0.5, cpus=2), 64, 4, Share(8, 2.0, 0.5, 2)),
        (RayOptions(gpus=0), 8, 4, Share(8, 0.93, 0.0, 1)),
    ],
)
def test_workers_leave_something_for_ray_itself(options, cpus, gpus, expected):
    made = share(options, cpus, gpus)
    assert (made.workers, made.gpus, made.threads) == (expected.workers, expected.gpus, expected.threads)
    assert made.cpus == pytest.approx(expected.cpus, abs=0.011)
    assert made.workers * made.cpus < cpus


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, r"batch\.workers=0"),
        ({"cpus": 0}, r"batch\.cpus=0"),
        ({"restarts": -1}, r"batch\.restarts=-1"),
        ({"gpus": 1}, r"batch\.gpus=1: Ray knows 0 GPUs"),
    ],
)
def test_numbers_out_of_range(options, message):
    with pytest.raises(UserError, match=message):
        share(RayOptions(**options), 2, 0)


def test_a_worker_of_ray_returns_rows_or_why_it_cannot_work(setup, pictures):
    import pickle
    from dataclasses import replace

    import pyarrow

    from asap_lightning.batch import Entry

    unit = Unit(0, (Entry("0", str(pictures / "0.png")),))
    batch = pyarrow.table({"unit": [pickle.dumps(unit)]})
    (rows,) = RayWorker(setup)(batch)["rows"]
    assert [row.status for row in pickle.loads(rows)] == ["done"]
    (text,) = RayWorker(replace(setup, digest="0"))(batch)["rows"]
    assert "is another file here" in pickle.loads(text)


SCRIPT = """
import json, sys
from pathlib import Path
from asap_lightning.batch import RayOptions, Setup, read_list, translate_batch
from asap_lightning.inference.origin import digest
sys.path.insert(0, sys.argv[4])
from poison import Poisoned

if __name__ == "__main__":
    checkpoint, root, address = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] or None
    setup = Setup(checkpoint, digest(checkpoint), root / "out", device="cpu")
    tally = translate_batch(
        read_list(root / "list.txt", root / "out"), setup, engine="ray", unit=10, kind=Poisoned,
        ray=RayOptions(workers=2, address=address), progress=lambda *count: print(*count, flush=True),
    )
    print(json.dumps([tally.translated, tally.there, tally.quarantined, round(tally.seconds, 1)]))
"""
POISON = '''
import os, signal, time
from asap_lightning.batch.worker import Worker

class Poisoned(Worker):
    """Ends its process at the picture ``poison``, and notes every picture that it translates."""

    def _translate(self, entry, read, pictures):
        if entry.name == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        with (self.setup.output.parent / "asked.txt").open("a") as file:
            file.write(f"{entry.name} {os.getpid()}\\n")
        time.sleep(0.05)
        return super()._translate(entry, read, pictures)
'''


@pytest.mark.long
@pytest.mark.timeout(900)
def test_two_workers_one_killed_and_one_poison_and_every_picture_once(checkpoint, tmp_path: Path) -> None:
    """Needs an idle core or two: Ray gives its own processes 15 s to start."""
    pytest.importorskip("ray")
    import numpy as np
    from PIL import Image

    (tmp_path / "in").mkdir()
    names = [f"{number:03d}" for number in range(100)]
    for number, name in enumerate([*names, "poison"]):
        ids = np.random.default_rng(number).integers(0, 3, (16, 16), dtype=np.uint8)
        Image.fromarray(ids).save(tmp_path / f"in/{name}.png")
    listed = [*names[:45], "poison", *names[45:]]
    (tmp_path / "list.txt").write_text("".join(f"{name}.png\n" for name in listed))
    for name in listed:
        (tmp_path / f"in/{name}.png").rename(tmp_path / f"{name}.png")
    (tmp_path / "poison.py").write_text(POISON)
    (tmp_path / "run.py").write_text(SCRIPT)
    asked = tmp_path / "asked.txt"
    address = os.environ.get("ASAP_TEST_RAY", "")
    command = [sys.executable, "run.py", checkpoint, tmp_path, address, tmp_path]
    variables = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(command, cwd=tmp_path, env=variables, stdout=subprocess.PIPE, text=True) as process:
        wait_for(
            lambda: process.poll() is not None or (asked.exists() and asked.stat().st_size > 100), "work", 600
        )
        assert process.poll() is None, "it ended too early"
        os.kill(int(asked.read_text().split()[1]), 9)
        shown, _ = process.communicate(timeout=600)
    assert process.returncode == 0, shown
    translated, there, quarantined, _ = json.loads(shown.splitlines()[-1])
    assert (translated, there, quarantined) == (100, 0, 1)
    rows = [json.loads(line) for line in (tmp_path / "out/manifest.jsonl").read_text().splitlines()]
    assert [row["name"] for row in rows] == listed
    assert {row["name"] for row in rows if row["status"] == "done"} == set(names)
    made = sorted(path.stem for path in (tmp_path / "out").glob("*.png"))
    assert made == names
    assert len({line.split()[1] for line in asked.read_text().splitlines()}) >= 3, (
        "two workers, and a new one"
    )
