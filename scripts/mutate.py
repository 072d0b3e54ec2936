"""Changes the package a little, one place at a time, and counts which changes the tests do not notice.

    make mutate MUTATE="src/asap_lightning/losses --count 50"

A mutant (``mutants.py``) runs the module's mirrored test file (``--tests`` names others) in a process that is
forked from this one, which has imported the libraries, and is caught by the first test that fails. Processes
that a test starts do not see it. A survivor asks for a test, unless it changes nothing that matters.
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.util
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from mutants import sites

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a changed tree."""

    def __init__(self, file: Path, tree: ast.Module) -> None:
        self.file, self.code = file, compile(ast.fix_missing_locations(tree), str(file), "exec")
        self.module = ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        """Of the module alone."""
        folders = [str(self.file.parent)] if self.file.stem == "__init__" else None
        return None if name != self.module else importlib.util.spec_from_file_location(
            name, self.file, loader=self, submodule_search_locations=folders
        )  # fmt: skip

    def exec_module(self, module: ModuleType) -> None:
        """Runs the changed code."""
        exec(self.code, module.__dict__)


def verdict(file: Path, number: int | None, tests: Sequence[str], seconds: float) -> str:
    """Runs tests on a mutant, or on the module as it is, in a forked process: caught, survived, timed out."""
    child = os.fork()
    if child == 0:
        os.setsid()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1), os.dup2(nothing, 2)
        tree = ast.parse(file.read_text(encoding="utf-8"))
        if number is not None:
            list(sites(tree))[number].apply()
        sys.meta_path.insert(0, Mutated(file, tree))
        import pytest

        os._exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]))
    limit = time.monotonic() + seconds
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > limit:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "timed out"
        time.sleep(0.02)
    return "caught" if ended[1] else "survived"


def mirrored(file: Path) -> list[str]:
    """The test file of a module, or where it has none, those of its room."""
    room = ROOT / "tests" / file.relative_to(SOURCE / "asap_lightning").parent
    own = room / f"test_{file.stem}.py"
    return [str(own)] if own.is_file() else [str(path) for path in sorted(room.glob("test_*.py"))]


def main() -> None:
    """Draws mutants at random, so that few of them tell the share of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", type=Path, help="modules and folders below src/")
    parser.add_argument("--count", type=int, default=50, help="of mutants (50)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (0)")
    parser.add_argument("--tests", nargs="+", default=[], help="run these as well as the mirrored file")
    parser.add_argument(
        "--seconds", type=float, default=120, help="that the tests of a mutant may take (120)"
    )
    options = parser.parse_args()
    files = [
        path
        for given in options.paths
        for path in (sorted(given.rglob("*.py")) if given.is_dir() else [given])
    ]
    drawn = [(file.resolve(), number) for file in files
             for number, _ in enumerate(sites(ast.parse(file.read_text(encoding="utf-8"))))]  # fmt: skip
    random.Random(options.seed).shuffle(drawn)
    print(f"{len(drawn)} mutants, {min(len(drawn), options.count)} of them are tried")
    for library in ("torch", "numpy", "PIL.Image", "pytest", "pytorch_lightning", "torchmetrics"):
        importlib.import_module(library)
    os.chdir(ROOT)
    tally: Counter[str] = Counter()
    sound: set[Path] = set()
    for file, number in drawn[: options.count]:
        tests = [*mirrored(file), *options.tests]
        if file not in sound and verdict(file, None, tests, options.seconds) != "survived":
            raise SystemExit(f"{file.relative_to(ROOT)} as it is does not pass {' '.join(tests)}")
        sound.add(file)
        found = verdict(file, number, tests, options.seconds)
        tally[found] += 1
        if found != "caught":
            site = list(sites(ast.parse(file.read_text(encoding="utf-8"))))[number]
            line = f"{file.relative_to(ROOT)}:{getattr(site.old, 'lineno', 0)}"
            print(f"{found}: {line}: {ast.unparse(site.old)!r} -> {ast.unparse(site.new)!r}", flush=True)
    print(", ".join(f"{count} {found}" for found, count in tally.most_common()))


if __name__ == "__main__":
    main()
