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
        ("asap data se", {"segments"}),
        ("asap data segments --sp", {"--splits"}),
        ("asap data segments --splits t", {"train", "test"}),
        ("asap data check DIR data=fold", {"data=folders"}),
        (
            "asap data check DIR data=folders data.layout.pal",
            {"data.layout.palette=", "data.layout.palette_tolerance="},
        ),
        ("asap study make A B --pre", {"--preset"}),
        ("asap study make A B --preset ", {"pix2pix", "spade"}),
        ("asap tracking dashboard ", {"training", "sweep", "comparison"}),
        ("asap report paper ", {"asap", "spade", "pix2pix"}),
        ("asap doctor --", {"--help"}),
        ("asap --v", {"--version"}),
        (
            "asap singan ",
            {sub.name for command in COMMANDS for sub in command.subcommands if command.name == "singan"},
        ),
        ("asap singan train preset=", {"preset=fast", "preset=paper"}),
        ("asap serve model=", {"model=facades"}),
        ("asap predict ckpt=", {"ckpt=best", "ckpt=last"}),
        ("asap train --cfg j", {"job"}),
        ("asap train --config-dir mine gener", {"generator.", "generator="}),
        ("asap serve gener", set()),
    ],
)
def test_candidates(line: str, expected: set[str]) -> None:
    assert set(candidates(line)) == expected


def test_candidates_of_a_new_word_are_groups_and_keys() -> None:
    found = candidates("asap train ")
    assert {"generator=", "experiment=", "seed="} <= set(found)
    assert not any(word.startswith("hydra") for word in found)
    assert "preset=" not in found, "of another command"


@pytest.mark.parametrize("word", ["data=", "segmenter=", "evaluation="])
def test_files_that_others_begin_from_are_no_choices(word: str) -> None:
    found = candidates(f"asap train {word}")
    assert len(found) > 3 and f"{word}options" not in found


@pytest.mark.parametrize("line", ["asap train experiment=", "asap data segments --", "asap singan "])
def test_what_is_written_down_is_completed_without_a_library(line: str) -> None:
    program = (
        "import sys; from asap_lightning.commands.completion import candidates; "
        f"assert candidates({line!r}); assert not {{'hydra', 'torch', 'numpy'}} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("shell", sorted(SCRIPTS))
def test_script_is_printed(asap, shell: str) -> None:
    shown = asap("completion", shell)
    assert shown.code == 0 and shown.out == SCRIPTS[shell]


def test_unknown_shell(asap) -> None:
    assert asap("completion", "tcsh").code == 2


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """``asap`` as a program of this interpreter."""
    program = tmp_path / "asap"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m asap_lightning "$@"\n')
    program.chmod(0o755)
    return program


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(
    ("line", "replies"),
    [("asap trai", "train"), ("asap data se", "segments"), ("asap train experiment=dem", "experiment=demo")],
)
def test_fish_completes(program: Path, line: str, replies: str) -> None:
    script = f"set -x PATH {program.parent} $PATH; asap completion fish | source; complete -C '{line}'"
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == [replies], done.stderr


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
@pytest.mark.parametrize(
    ("line", "replies"),
    [("asap trai", "begun: finished: train"), ("asap singan train n", "begun: name= network. finished:")],
)
def test_zsh_completes(program: Path, line: str, replies: str) -> None:
    """What the function hands to zsh: words after which more is typed, and finished ones."""
    script = (
        "compdef() { : }; _files() { print files }\n"
        'compadd() { print -n -- "${@[-1]}: "; print -n -- "${(P)@[-1]} " }\n'
        f'eval "$({program} completion zsh)"\n'
        f'words=({program}); LBUFFER="{line}"; _asap\n'
    )
    done = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == replies.split(), done.stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("line", "replies"),
    [
        ("asap trai", "train "),
        ("asap train generator=asap_s", "asap_small "),
        ("asap train seed=1 nam", "name="),
        ("asap data segments --ver", "--verify "),
    ],
)
def test_bash_completes(program: Path, line: str, replies: str) -> None:
    script = (
        f'eval "$({program} completion bash)"\n'
        f'COMP_LINE="{line}"; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=("{program}"); _asap_complete\n'
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout == f"{replies}\n", done.stderr
