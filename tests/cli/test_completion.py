"""Tab completion: the candidates, and the scripts in the shells that are there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asap_lightning.commands import COMMANDS
from asap_lightning.commands.completion import SCRIPTS, candidates


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("asap ", {command.name for command in COMMANDS}),
        ("asap tr", {"train", "tracking"}),
        ("asap data ", {"demo", "check", "palette", "segments", "shard"}),
        ("asap completion z", {"zsh"}),
        ("asap nothing ", set()),
        ("asap train generator=asap_s", {"generator=asap_small"}),
        ("asap train generator=asap_small generator.mlp_w", {"generator.mlp_width="}),
        ("asap train experiment=facades_5", {"experiment=facades_512"}),
        ("asap predict overw", {"overwrite="}),
        ("asap evaluate comp", {"compare"}),
        ("asap singan s", {"sample", "super-resolve"}),
        ("asap singan animate alp", {"alpha="}),
        ("asap evaluate compare a.ckpt draw", {"draws="}),
    ],
)
def test_candidates(line: str, expected: set[str]) -> None:
    assert set(candidates(line)) == expected


def test_candidates_of_a_new_word_are_groups_and_keys() -> None:
    found = candidates("asap train ")
    assert {"generator=", "experiment=", "seed="} <= set(found)
    assert not any(word.startswith("hydra") for word in found)


@pytest.mark.parametrize("shell", sorted(SCRIPTS))
def test_script_is_printed(asap, shell: str) -> None:
    shown = asap("completion", shell)
    assert shown.code == 0 and shown.out == SCRIPTS[shell]


def test_unknown_shell(asap) -> None:
    assert asap("completion", "tcsh").code == 2


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("line", "replies"),
    [
        ("asap trai", "train"),
        ("asap train generator=asap_s", "asap_small"),
        ("asap train seed=1 nam", "name="),
    ],
)
def test_bash_completes(tmp_path: Path, line: str, replies: str) -> None:
    program = tmp_path / "asap"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m asap_lightning "$@"\n')
    program.chmod(0o755)
    script = (
        f'eval "$({program} completion bash)"\n'
        f'COMP_LINE="{line}" COMP_POINT=${{#COMP_LINE}}\n'
        f'COMP_LINE="{line}"; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=("{program}"); _asap_complete\n'
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == [replies], done.stderr
