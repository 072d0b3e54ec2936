"""``benchmarks/generators.py``: one row a generator, kept at once, written into a page."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "generators.py"
ROW = {
    "generator": "cppn", "size": 256, "threads": 1, "parameters": 13_699, "gmac": 0.8327,
    "native_cpu_ms": 18.6, "native_ms": 20.0, "torch_cpu_ms": 36.2, "torch_ms": 40.0, "peak_mib": 6.4,
}  # fmt: skip
LINE = "| `cppn` | 256 | 0.01 | 0.83 | 19 | 36 | 6 |"


@pytest.fixture
def script(monkeypatch):
    specification = importlib.util.spec_from_file_location("generators_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setattr(sys, "path", [*sys.path])
    specification.loader.exec_module(module)
    return module


def run(script, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments)])
    return script.main()


def test_a_row_as_it_is_printed(script):
    assert script.line(ROW) == LINE
    plain = {key: value for key, value in ROW.items() if not key.startswith("native")}
    assert script.line(plain) == LINE.replace("19", "-")
    assert "exit code 1: no memory" in script.line({**ROW, "error": "exit code 1: no memory"})


def test_rows_are_kept_at_once_and_not_measured_again(script, monkeypatch, tmp_path, capsys):
    output, asked = tmp_path / "rows.json", []

    def stand_in(name, size, options):
        asked.append((name, size))
        failed = {"error": "longer than 1 s"} if name == "spade" and asked.count((name, size)) == 1 else {}
        return {**ROW, "generator": name, "size": size, **failed}

    monkeypatch.setattr(script, "in_own_process", stand_in)
    arguments = ("--generators", "cppn,spade", "--sizes", "256,512", "--output", output)
    assert run(script, monkeypatch, *arguments) == 1
    assert asked == [("cppn", 256), ("cppn", 512), ("spade", 256), ("spade", 512)]
    assert LINE in capsys.readouterr().out
    assert run(script, monkeypatch, *arguments) == 0
    assert asked[4:] == [("spade", 256), ("spade", 512)]  # what failed is tried again
    assert len(json.loads(output.read_text())["rows"]) == 4
    assert run(script, monkeypatch, *arguments, "--again") == 0 and len(asked) == 10


def test_the_table_goes_between_the_pages_marks(script, monkeypatch, tmp_path):
    output, page = tmp_path / "rows.json", tmp_path / "page.md"
    output.write_text(json.dumps({"rows": [ROW]}))
    page.write_text(f"before\n{script.BEGIN}\nold\n{script.END}\nafter\n")
    assert run(script, monkeypatch, "--docs", page, "--output", output) == 0
    text = page.read_text()
    assert LINE in text and "old" not in text
    assert text.startswith("before\n") and text.endswith("after\n")
    page.write_text("no marks")
    with pytest.raises(SystemExit, match="has no lines"):
        run(script, monkeypatch, "--docs", page, "--output", output)
    performance = (SCRIPT.parents[1] / "docs" / "performance.md").read_text()
    assert performance.count(script.BEGIN) == performance.count(script.END) == 1


@pytest.mark.parametrize("outcome", ["row", "error", "timeout"])
def test_what_becomes_of_a_process(script, monkeypatch, outcome):
    from argparse import Namespace

    def stand_in(command, **settings):
        assert command[2:6] == ["--row", "cppn", "256", "--threads"] and settings["timeout"] == 9
        if outcome == "timeout":
            raise subprocess.TimeoutExpired(command, 9)
        if outcome == "error":
            return subprocess.CompletedProcess(command, 1, "", "Traceback\nMemoryError: no memory\n")
        return subprocess.CompletedProcess(command, 0, 'a word\n{"gmac": 2}\n', "")

    monkeypatch.setattr(script.subprocess, "run", stand_in)
    row = script.in_own_process("cppn", 256, Namespace(threads=1, repeats=2, timeout=9.0))
    expected = {
        "row": {"gmac": 2},
        "error": {"error": "exit code 1: MemoryError: no memory"},
        "timeout": {"error": "longer than 9 s"},
    }[outcome]
    assert row == {"generator": "cppn", "size": 256, "threads": 1, **expected}
