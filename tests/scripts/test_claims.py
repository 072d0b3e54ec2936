"""What is claimed: every line of the README, in its own words, and the page that says how it is known."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def claims() -> ModuleType:
    spec = importlib.util.spec_from_file_location("claims", ROOT / "scripts" / "claims.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["claims"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def flat(text: str) -> str:
    return " ".join(text.split())


def test_claims_are_what_their_pages_say(claims: ModuleType) -> None:
    for claim in claims.read_claims():
        assert flat(claim.says) in flat((ROOT / claim.page).read_text(encoding="utf-8")), claim.name


def test_no_line_of_the_readme_is_without_a_claim(claims: ModuleType) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    said = [flat(claim.says) for claim in claims.read_claims() if claim.page == "README.md"]
    verified = text.split("## How it is verified")[1].split("\n## ")[0]
    commands = text.split("## Commands")[1].split("\n## ")[0]
    lines = [flat(item) for item in re.split(r"^- ", verified, flags=re.M)[1:]]
    lines += [flat(line) for line in commands.splitlines() if line.startswith("| `asap")]
    assert len(lines) > 25
    unclaimed = [line for line in lines if not any(claim in line for claim in said)]
    assert not unclaimed, "docs/claims.toml says nothing of these lines of the README"


def test_commands_name_tests_that_are_there(claims: ModuleType) -> None:
    for claim in claims.read_claims():
        for word in shlex.split(claim.command):
            if word.startswith(("tests/", "scripts/", "benchmarks/")):
                assert (ROOT / word).exists(), f"{claim.name}: {word}"


def test_the_page_is_made_of_the_results(claims: ModuleType) -> None:
    written = (ROOT / "docs" / "status.md").read_text(encoding="utf-8")
    assert written == claims.render(claims.read_claims(), claims.read_results()), (
        "python scripts/claims.py write"
    )


@pytest.mark.parametrize(
    ("settings", "holds", "figure"),
    [
        (
            dict(command="echo 5 of 7 agree", figure=r"(\d+) of (\d+)", shows="{0} of {1}", least=5),
            True,
            "5 of 7",
        ),
        (dict(command="echo 4 of 7 agree", figure=r"(\d+) of (\d+)", least=5), False, "4"),
        (dict(command="echo peak 1,700 MiB", figure=r"peak ([\d,]+)", most=1500), False, "1,700"),
        (dict(command="echo 1 x; echo 2 x", figure=r"(\d) x"), True, "2"),
        (dict(command="echo nothing", figure=r"(\d+)"), False, "the output has no figure"),
        (dict(command="echo 9; exit 3", figure=r"(\d+)"), False, "ended with 3"),
        (dict(command="false | cat"), False, "ended with 1"),
        (dict(command="echo 9; exit 1", figure=r"(\d+)", code=1), True, "9"),
        (dict(command="echo 9", figure=r"(\d+)", code=1), False, "ended with 0"),
    ],
)
def test_a_command_decides(claims: ModuleType, settings: dict[str, Any], holds: bool, figure: str) -> None:
    result = claims.run_claim(claims.Claim("one", "said", "Said", **settings))
    assert (result["holds"], result["figure"]) == (holds, figure)
    assert result["command"] == settings["command"] and result["seconds"] >= 0 and result["machine"]


def test_a_result_of_another_command_does_not_count(claims: ModuleType) -> None:
    claim = claims.Claim("one", "said", "Said", command="echo 1")
    result = claims.run_claim(claim)
    assert "holds" in claims.render([claim], {"one": result})
    changed = claims.Claim("one", "said", "Said", command="echo 2", needs=("gcc",))
    assert "| not measured yet (needs gcc) |" in claims.render([changed], {"one": result})
    failed = result | {"holds": False, "figure": "3"}
    assert "**does not hold**: 3" in claims.render([claim], {"one": failed})


def test_a_claim_needs_a_command_or_a_reason(claims: ModuleType) -> None:
    with pytest.raises(ValueError, match="either command or unmeasured"):
        claims.Claim("one", "said", "Said")
    with pytest.raises(ValueError, match="either command or unmeasured"):
        claims.Claim("one", "said", "Said", command="true", unmeasured="no GPU")
    assert "not measured: no GPU" in claims.render(
        [claims.Claim("one", "said", "Said", unmeasured="no GPU")], {}
    )


def test_what_is_missing_is_not_run(
    claims: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(claims, "RESULTS", tmp_path / "status.json")
    monkeypatch.setattr(claims, "PAGE", tmp_path / "status.md")
    asked = [
        claims.Claim("absent", "said", "Said", command="false", needs=("no_such_program",)),
        claims.Claim("present", "said", "Said", command="echo 3", needs=("bash",), figure=r"(\d)"),
    ]
    monkeypatch.setattr(claims, "read_claims", lambda: asked)
    old = {"absent": claims.run_claim(asked[1]) | {"command": "false"}}
    assert claims.run_all(asked, old | {}) and "needs no_such_program" in capsys.readouterr().out
    kept = claims.read_results(tmp_path / "status.json") if (tmp_path / "status.json").exists() else {}
    assert kept["present"]["figure"] == "3" and kept["absent"] == old["absent"], (
        "a result that was there stays"
    )


def test_a_run_of_the_whole_suite_counts(claims: ModuleType, tmp_path: Path) -> None:
    junit = tmp_path / "tests.xml"
    junit.write_text(
        """<testsuites><testsuite>
        <testcase classname="tests.ops.test_pixelwise" name="a" time="1.5"/>
        <testcase classname="tests.ops.test_pixelwise" name="b" time="0.5"><skipped/></testcase>
        <testcase classname="tests.ops_other.test_one" name="c" time="9"/>
        <testcase classname="tests.cli.test_train.TestOne" name="d" time="1"><failure>no</failure></testcase>
        <testcase classname="tests.cli.test_train" name="e" time="1"/>
        </testsuite></testsuites>"""
    )
    cases = claims.read_junit(junit)

    def result(command: str) -> Any:
        return claims.taken(claims.Claim("one", "said", "Said", command=command), cases)

    ops = result("pytest -q -n 2 tests/ops")
    assert (ops["holds"], ops["figure"], ops["seconds"]) == (True, "1 passed, 1 skipped", 2.0)
    train = result("pytest -q tests/cli/test_train.py tests/ops")
    assert (train["holds"], train["figure"]) == (False, "2 passed, 1 skipped, 1 failed")
    for other in ("pytest -q tests/ops -k graph", "A=1 pytest tests/ops", "pytest tests/data", "asap doctor"):
        assert result(other) is None, "it is run"
    claim = claims.Claim("one", "said", "Said", command="pytest -q -n 2 tests/ops")
    assert "holds: 1 passed, 1 skipped | " in claims.render([claim], {"one": ops})


def test_names_that_are_no_claims(claims: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        claims.main(["run", "--only", "speeed"])
    assert stop.value.code == 2 and "no such claim: speeed" in capsys.readouterr().err
