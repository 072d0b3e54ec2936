"""Reads thousands of spoiled files in child processes that may die of them, and counts the outcomes.

    python tests/security/fuzz.py [FILES]        (make fuzz, FUZZ_FILES=10000)

A file is *loaded*, *refused* (a `UserError`), *crashes* the reader (any other exception, a signal, a reader
that does not end), or does *harm*: something was started, deleted, connected to or written.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

NAMES = [
    *(
        "checkpoint",
        "description",
        "torch, stream",
        "torch, zip",
        "torch, weights",
        "torch, network",
        "opt.pkl",
    ),
    *("index", "shard", "label.png", "instance.png", "photo.jpg", "TIFF", "GIF", "WEBP", "BMP", "depth.npy"),
    *(
        "config.yaml",
        "metrics.csv",
        "pose_candidate.txt",
        "pose_subset.txt",
        "opt.json",
        "bank",
        "bank's table",
    ),
    *("bundle's index", "bundle's data", "slices", "HDRNet's weights"),
]
"""Kinds, as in `fuzz_kinds.kinds`, which only the children import."""
MEMORY = 6 * 2**30
"""Bytes of address space that a child may have beyond what its libraries take."""
SECONDS = 60
"""For one file."""
STARTING = 300
"""Seconds for a child to import everything, on a machine that is busy."""
HARM = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen", "socket.connect")
CHANGES = (
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.chmod",
    "os.link",
    "os.symlink",
    "os.truncate",
    "shutil.",
)


class Watch:
    """Notes what Python is asked to do while a file is read."""

    def __init__(self) -> None:
        self.on, self.seen = False, ""
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple) -> None:
        if not self.on or self.seen:
            return
        writes = (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if event.startswith((*HARM, *CHANGES)) or writes:
            self.seen = f"{event} {arguments}"[:200]


def peak() -> int:
    """Bytes of memory at most since `reset_peak`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def child(folder: Path, jobs: list[list]) -> None:
    """Reads the files of ``jobs`` (kind, index); a line of JSON about each goes to standard output."""
    import torch
    from fuzz_kinds import kinds

    from asap_lightning.errors import UserError

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    (folder / "canary").write_text("alive")
    (folder / "cwd").mkdir()
    os.chdir(folder / "cwd")
    known = kinds(folder)
    assert list(known) == NAMES
    for kind in known.values():  # what is imported while reading is imported now
        (folder / kind.name).write_bytes(kind.content)
        kind.read(folder / kind.name)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    watch, classes = Watch(), state_of_classes()
    for name, index in jobs:
        kind, path = known[name], folder / known[name].name
        for other in known.values():
            if other.name.partition("/")[0] == kind.name.partition("/")[0]:
                (folder / other.name).write_bytes(other.content)
        path.write_bytes(kind.spoil(random.Random(f"{name} {index}"), kind.content))
        before = Path(folder).stat().st_mtime_ns, sorted(os.listdir(folder / "cwd"))
        print(json.dumps(["begin", name, index]), flush=True)
        reset_peak()
        start, watch.seen, watch.on = peak(), "", True
        try:
            kind.read(path)
            outcome, said = "loaded", ""
        except UserError as error:
            outcome, said = "refused", str(error)[:300]
        except BaseException:
            outcome, said = "crashed", traceback.format_exc()[-1500:]
        watch.on = False
        unharmed = (folder / "canary").read_text() == "alive" and classes == state_of_classes()
        if watch.seen or not unharmed or before[1] != sorted(os.listdir(folder / "cwd")):
            outcome, said = "harmed", watch.seen or "a file or a class is not as it was"
        print(json.dumps([outcome, name, index, said, peak() - start]), flush=True)


def state_of_classes() -> list:
    """What a pickle might overwrite for the whole process."""
    import numpy as np
    import torch

    classes = (
        torch.UntypedStorage,
        torch.FloatStorage,
        torch.Tensor,
        torch.nn.Module,
        np.ndarray,
        dict,
        list,
    )
    return [sorted(vars(one)) for one in classes] + [
        id(torch.UntypedStorage.nbytes),
        id(torch.Tensor.__repr__),
    ]


def run(files: int, names: list[str], *, each: int = 2500) -> list[list]:
    """Reads ``files`` spoiled files, equally many of each kind; the outcomes."""
    jobs = [[names[number % len(names)], number // len(names)] for number in range(files)]
    jobs.sort(key=lambda job: names.index(job[0]))
    results: list[list] = []
    while len(results) < len(jobs):
        results += _child_process(jobs[len(results) : len(results) + each])
        print(f"\r{len(results)} of {len(jobs)}", end="", file=sys.stderr, flush=True)
    return results


def _child_process(jobs: list[list]) -> list[list]:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as errors:
        command = [sys.executable, __file__, "--child", folder]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, bufsize=1
        )
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(jobs))
        process.stdin.close()
        killer = _Killer(process)
        lines = []
        for line in process.stdout:
            lines.append(json.loads(line))
            killer.alive()
        process.wait()
        killer.done = True
        errors.seek(0)
        results = [line for line in lines if line[0] != "begin"]
        if len(results) == len(jobs):
            return results
        if not lines:
            raise RuntimeError(f"the reader did not start: {errors.read()[-3000:]}")
        said = f"exit {process.returncode}: {errors.read()[-1500:]}"
        return [*results, ["crashed", *lines[-1][1:3], said, 0]]


class _Killer:
    """Ends a child that says nothing for too long."""

    def __init__(self, process: subprocess.Popen) -> None:
        import threading

        self.process, self.done = process, False
        self.last = time.monotonic() + STARTING
        threading.Thread(target=self._watch, daemon=True).start()

    def alive(self) -> None:
        self.last = time.monotonic()

    def _watch(self) -> None:
        while not self.done:
            time.sleep(0.5)
            if time.monotonic() - self.last > SECONDS:
                self.process.kill()
                return


def table(results: list[list]) -> str:
    """Outcomes by kind."""
    outcomes = ("loaded", "refused", "crashed", "harmed")
    lines = [f"{'kind':16}{'files':>8}" + "".join(f"{name:>9}" for name in outcomes) + f"{'peak MiB':>10}"]
    for kind in [*dict.fromkeys(result[1] for result in results), "all"]:
        rows = [result for result in results if kind in (result[1], "all")]
        counts = Counter(row[0] for row in rows)
        most = max(row[4] for row in rows) / 2**20
        lines.append(
            f"{kind:16}{len(rows):8}" + "".join(f"{counts[name]:9}" for name in outcomes) + f"{most:10.0f}"
        )
    return "\n".join(lines)


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        sys.path.append(str(Path(__file__).parent.parent))
        child(Path(sys.argv[2]), json.load(sys.stdin))
        return 0
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    results = run(files, NAMES)
    print("\n" + table(results))
    bad = [result for result in results if result[0] in ("crashed", "harmed")]
    for outcome, name, index, said, _ in bad[:20]:
        print(f"\n{outcome}: {name} {index}\n{said}")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
