"""Runs the commands that show what README.md claims, and writes docs/status.md from what they said.

    python scripts/claims.py run                  # all that can run here; other results stay
    python scripts/claims.py run --only resume recordings
    python scripts/claims.py run --junit FILE      # tests' results of `pytest --junitxml=FILE`
    python scripts/claims.py write                # docs/status.md anew, of the results that there are

``docs/claims.toml`` lists the claims. Each quotes its page (``says``), so no sentence changes without its
claim. ``command`` is run by bash in the repository's root; ``figure`` is a regular expression; its last
match is the figure, shown by ``shows``; its first number must lie within ``least`` and ``most``.
``code`` is the exit code that is expected; ``needs`` are files or programs without which it is not run. A
claim without a command says why in ``unmeasured``. Results lie in ``docs/status.json``; one whose command has
changed since does not count.

Where a run of the whole suite has just been made, ``--junit`` takes from it what claims ask of plain pytest
(of files and folders alone); the rest is run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asap_lightning.files import atomic_write

ROOT = Path(__file__).resolve().parents[1]
CLAIMS, RESULTS, PAGE = (ROOT / "docs" / name for name in ("claims.toml", "status.json", "status.md"))
PASSED = r"(\d+ passed(?:, \d+ skipped)?)"
LIMIT = 3600.0
HEAD = """# What is true, and how it is known

Every claim of the README, and the main ones of these pages: the command that shows it, what it said when it
was last run, when, and where. `make claims` runs the commands again and writes this page; `docs/claims.toml`
lists the claims. Tests hold that each claim is still what its page says, and that no line of the README is
without one. Processor time is that of all processes together.
"""


@dataclass(frozen=True)
class Claim:
    """One claim: where it is made, in which words, and what shows it."""

    name: str
    says: str
    title: str
    page: str = "README.md"
    command: str = ""
    figure: str = ""
    shows: str = "{0}"
    least: float | None = None
    most: float | None = None
    code: int = 0
    needs: tuple[str, ...] = ()
    unmeasured: str = ""

    def __post_init__(self) -> None:
        if bool(self.command) == bool(self.unmeasured):
            raise ValueError(f"claim {self.name}: either command or unmeasured was expected")

    @property
    def pattern(self) -> str:
        """The expression that finds the figure; pytest's closing line unless another is given."""
        return self.figure or (PASSED if "pytest" in self.command.split() else "")

    def missing(self) -> list[str]:
        """What it needs that is not here."""
        return [need for need in self.needs if not ((ROOT / need).exists() or shutil.which(need))]


def read_claims(path: Path = CLAIMS) -> list[Claim]:
    """The claims in their order.

    Raises:
        ValueError: a claim has both a command and a reason why there is none, or neither.
        TypeError: a key that no claim has.
    """
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return [Claim(name, **table | {"needs": tuple(table.get("needs", ()))}) for name, table in tables.items()]


def read_results(path: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """The last result of each claim by its name."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def machine() -> str:
    """The processor and how much of it there is."""
    from asap_lightning.benchmarking.machine import processor  # with torch, which writing the page needs not

    return f"{processor()}, {os.cpu_count()} cores"


def commit() -> str:
    """The checkout's commit, ``+`` behind it where files other than the results differ from it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout.strip()

    ours = [f":!{path.relative_to(ROOT)}" for path in (RESULTS, PAGE) if path.is_relative_to(ROOT)]
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", *ours)
    return git("rev-parse", "--short=9", "HEAD") + ("+" if changed else "")


def figure_of(claim: Claim, output: str) -> tuple[str, bool]:
    """The figure as it is shown, and whether it is one that the claim allows."""
    if not claim.pattern:
        return "", True
    found = list(re.finditer(claim.pattern, output, re.MULTILINE))
    if not found:
        return "the output has no figure", False
    groups = found[-1].groups()
    shown = claim.shows.format(*groups)
    if claim.least is None and claim.most is None:
        return shown, True
    value, least, most = float(groups[0].replace(",", "")), claim.least, claim.most
    return shown, (least is None or value >= least) and (most is None or value <= most)


def run_claim(claim: Claim) -> dict[str, Any]:
    """Runs the command, and says what came of it."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    try:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", claim.command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        output, code = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired:
        output, code = "", 124
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    figure, allowed = figure_of(claim, output)
    if code != claim.code:
        figure = f"ended with {code}"
        print(output[-3000:], file=sys.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return result_of(claim, code == claim.code and allowed, figure, time.monotonic() - started, cpu)


def result_of(claim: Claim, holds: bool, figure: str, seconds: float, cpu: float | None) -> dict[str, Any]:
    """A result with the day, the commit and the machine; ``cpu`` is None where it was not measured alone."""
    return {
        "command": claim.command,
        "holds": holds,
        "figure": figure,
        "seconds": round(seconds, 1),
        "cpu_seconds": None if cpu is None else round(cpu, 1),
        "when": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "machine": machine(),
    }


def asked_tests(claim: Claim) -> list[str]:
    """The files and folders of a claim that is plain pytest; none where it is anything else, or chooses."""
    words = claim.command.split()
    plain = words[:1] == ["pytest"] and not {"-k", "-m"} & set(words)
    return [word for word in words if word.startswith("tests/")] if plain else []


def taken(claim: Claim, cases: list[tuple[str, str, float]]) -> dict[str, Any] | None:
    """The claim's result from the cases of a run: (file or folder as a module, outcome, seconds)."""
    places = [path.removesuffix(".py").replace("/", ".") for path in asked_tests(claim)]
    mine = [case for case in cases if any(case[0] == one or case[0].startswith(f"{one}.") for one in places)]
    counts = {
        word: sum(outcome == word for _, outcome, _ in mine) for word in ("passed", "skipped", "failed")
    }
    if not counts["passed"]:
        return None
    shown = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return result_of(claim, not counts["failed"], shown, sum(seconds for *_, seconds in mine), None)


def read_junit(path: Path) -> list[tuple[str, str, float]]:
    """The cases of a file of pytest's: module, ``passed``, ``skipped`` or ``failed``, seconds."""
    words = {"skipped": "skipped", "failure": "failed", "error": "failed"}
    cases = []
    for case in ElementTree.parse(path).iter("testcase"):
        outcome = next((words[child.tag] for child in case if child.tag in words), "passed")
        cases.append((case.get("classname", ""), outcome, float(case.get("time", 0))))
    return cases


def row(claim: Claim, result: dict[str, Any] | None, machines: list[str]) -> str:
    """The claim's row: what is said, the command, the verdict, and when and where."""
    said = claim.title if claim.page == "README.md" else f"{claim.title} ([page]({Path(claim.page).name}))"
    shown = f"`{claim.command}`" if claim.command else "-"
    if claim.unmeasured:
        return f"| {said} | {shown} | not measured: {claim.unmeasured} | |"
    if result is None or result["command"] != claim.command:
        needs = f" (needs {', '.join(claim.needs)})" if claim.needs else ""
        return f"| {said} | {shown} | not measured yet{needs} | |"
    verdict = "holds" if result["holds"] else "**does not hold**"
    verdict += f": {result['figure']}" if result["figure"] else ""
    place = machines.index(result["machine"]) + 1
    cost = "with the whole suite" if result["cpu_seconds"] is None else f"{result['cpu_seconds']:.0f} s"
    when = f"{result['when']}, {result['commit']}, machine {place}, {cost}"
    return f"| {said} | {shown} | {verdict} | {when} |"


def render(claims: list[Claim], results: dict[str, dict[str, Any]]) -> str:
    """docs/status.md."""
    machines = sorted({results[claim.name]["machine"] for claim in claims if claim.name in results})
    head = "| claim | command | what it said | when and where; processor time |\n|---|---|---|---|\n"
    parts = [HEAD]
    for title, ours in (("The README", True), ("Other pages", False)):
        rows = [
            row(claim, results.get(claim.name), machines).replace("\n", " ")
            for claim in claims
            if (claim.page == "README.md") is ours
        ]
        parts.append(f"## {title}\n\n{head}" + "\n".join(rows) + "\n")
    listed = "\n".join(f"{index}. {name}" for index, name in enumerate(machines, 1))
    parts.append(f"## Machines\n\n{listed or 'None yet.'}\n")
    return "\n".join(parts)


def write(claims: list[Claim], results: dict[str, dict[str, Any]]) -> None:
    """Writes both files, each whole or not at all."""
    order = [claim.name for claim in claims]
    kept = {name: results[name] for name in order if name in results}
    for path, text in ((RESULTS, json.dumps(kept, indent=1) + "\n"), (PAGE, render(claims, kept))):
        with atomic_write(path) as file:
            file.write(text.encode())


def run_all(claims: list[Claim], results: dict[str, dict[str, Any]], junit: Path | None = None) -> bool:
    """Runs what can run here, and writes the page after each; whether all of them hold."""
    cases = read_junit(junit) if junit else []
    every = read_claims()
    fine = True
    for number, claim in enumerate(claims, 1):
        place = f"{number}/{len(claims)} {claim.name}"
        if claim.unmeasured or claim.missing():
            reason = claim.unmeasured or f"needs {', '.join(claim.missing())}"
            print(f"{place}: not run: {reason}", flush=True)
            continue
        print(f"{place}: {claim.command}", flush=True)
        results[claim.name] = result = taken(claim, cases) or run_claim(claim)
        fine &= result["holds"]
        verdict = "holds" if result["holds"] else "DOES NOT HOLD"
        print(f"    {verdict}: {result['figure']} ({result['seconds']} s)", flush=True)
        write(every, results)
    return fine


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 where a claim that was run does not hold; see the module's text."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["run", "write"])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these claims alone")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="a run of the tests whose results count")
    options = parser.parse_args(arguments)
    claims = read_claims()
    if unknown := set(options.only) - {claim.name for claim in claims}:
        parser.error(f"no such claim: {', '.join(sorted(unknown))}; docs/claims.toml has their names")
    results = read_results()
    if options.action == "write":
        write(claims, results)
        return 0
    chosen = [claim for claim in claims if not options.only or claim.name in options.only]
    return int(not run_all(chosen, results, options.junit))


if __name__ == "__main__":
    sys.exit(main())
