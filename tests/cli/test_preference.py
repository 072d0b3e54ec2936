"""``asap study``: made, answered and reported by the program; what is refused before anything is written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asap_lightning.commands.study import chosen_protocol, named_folders, parser
from asap_lightning.errors import UserError
from asap_lightning.preference.answers import Answers
from asap_lightning.preference.study import ANSWERS, read_study


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """Folders ``a``, ``b`` and ``photos`` of twelve pictures."""
    draw = np.random.default_rng(0)
    for name in ("a", "b", "photos"):
        (tmp_path / name).mkdir()
        for number in range(12):
            Image.fromarray(draw.integers(0, 256, (8, 8, 3), np.uint8)).save(
                tmp_path / name / f"{number}.png"
            )
    return tmp_path


def test_from_the_pictures_to_the_report(asap, sets: Path) -> None:
    made = asap("study", "make", "ours=a", "b", "--out", "study", "--trials", "5", "--practice", "0")
    assert made.code == 0, made.err
    assert "12 inputs, ours against b: 12 questions in all" in made.out
    linked = asap("study", "links", "study", "--count", "2", "--address", "https://example.org/study/")
    tokens = re.findall(r"^https://example\.org/study/p/([\w-]{24})/$", linked.out, re.M)
    assert len(tokens) == 2
    study = read_study(sets / "study")
    with Answers(sets / "study" / ANSWERS, study) as answers:
        joined = answers.participant(tokens[0])
        assert joined is not None
        for one in answers.session(joined):
            answers.add(joined, one.position, one.trial.expected or "left", 800)
    told = asap("study", "report", "study")
    assert told.code == 0, told.err
    assert "ours preferred to b" in told.out and "of 5" in told.out
    assert {path.name for path in (sets / "study" / "report").iterdir()} == {
        *("preference.json", "preference.png", "preference.html", "answers.csv")
    }


def test_the_protocols_of_the_papers() -> None:
    words = ["make", "a", "b", "--out", "study"]
    real = parser().parse_args([*words, "--real", "photos", "--preset", "pix2pix"])
    protocol = chosen_protocol(real, items=100, systems=2)
    assert (protocol.seconds, protocol.practice, protocol.trials, protocol.vigilance) == (1.0, 10, 40, 0)
    assert protocol.one_system and protocol.question == "Which picture is the real photo?"
    assert chosen_protocol(real, items=30, systems=2).trials == 20, "as many as there are pictures for"
    given = parser().parse_args([*words, "--conditions", "labels", "--preset", "spade", "--vigilance", "3"])
    protocol = chosen_protocol(given, items=500, systems=2)
    assert (protocol.seconds, protocol.practice, protocol.trials, protocol.vigilance) == (0.0, 0, 40, 3)
    for preset, needs in (("pix2pix", "--real FOLDER"), ("spade", "--conditions FOLDER")):
        with pytest.raises(UserError, match=needs):
            chosen_protocol(parser().parse_args([*words, "--preset", preset]), items=100, systems=2)


def test_names_of_systems(tmp_path: Path) -> None:
    (tmp_path / "x=y").mkdir()
    assert named_folders(["ours=a/out", "b/x"]) == {"ours": Path("a/out"), "x": Path("b/x")}
    assert named_folders([f"{tmp_path}/x=y"]) == {"x=y": tmp_path / "x=y"}
    with pytest.raises(UserError, match=r"the name 'out' is taken; give one: NAME=b/out"):
        named_folders(["a/out", "b/out"])
    (tmp_path / "run/checkpoints").mkdir(parents=True)
    with pytest.raises(UserError, match="is a run of a training, and a study shows folders of pictures"):
        named_folders([f"r={tmp_path}/run"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["make", "a", "--out", "s"], "at least two folders of pictures"),
        (["make", "a", "b", "--out", "a/s"], "lie inside one another"),
        (["make", "a", "b", "--out", "s", "--items", "1"], "--items 1: at least 2"),
        (["make", "a", "b", "--out", "s", "--trials", "99"], "take 99 different questions"),
        (["make", "a", "b", "--out", "s", "--seconds", "nan"], "seconds nan: 0 (unlimited) to 3600"),
        (["make", "a", "b", "--out", "s", "--label-maps"], "--conditions, which is missing"),
        (["make", "a", "b", "--out", "s", "--unpaired"], "it goes with --real"),
        (["make", "a", "b", "--out", "s", "--participants", "0"], "--participants 0"),
        (["make", "a", "b", "--out", "s", "--question", " "], "--question: a text of 1 to"),
        (["make", "a", "net.ckpt", "--out", "s"], "make them first: asap predict ckpt=net.ckpt input=LABELS"),
        (["serve", "a"], "a is no study: study.json is missing"),
        (["report", "a"], "a is no study"),
        (["links", "a"], "a is no study"),
    ],
)
def test_refused(asap, sets: Path, words: list[str], expected: str) -> None:
    shown = asap("study", *words)
    assert shown.code == 2 and expected in shown.err and "Traceback" not in shown.err
    assert not (sets / "s").exists() and not (sets / "a/s").exists()


def test_a_report_of_a_study_whose_answers_are_gone(asap, sets: Path) -> None:
    assert asap("study", "make", "a", "b", "--out", "s").code == 0
    (sets / "s" / ANSWERS).write_bytes(b"spoiled" * 1000)
    for command in ("report", "serve"):
        shown = asap("study", command, "s")
        assert shown.code == 2 and "answers.sqlite is damaged" in shown.err
    (sets / "s" / ANSWERS).unlink()
    shown = asap("study", "report", "s")
    assert shown.code == 2 and "is missing: nobody has been asked yet" in shown.err


def test_a_share_to_pass_that_is_none(asap, sets: Path) -> None:
    assert asap("study", "make", "a", "b", "--out", "s").code == 0
    shown = asap("study", "report", "s", "--pass", "nan")
    assert shown.code == 2 and "--pass nan: a share from 0 to 1" in shown.err


def test_serving_loads_no_torch_and_help_no_web_server() -> None:
    names = "('torch', 'numpy', 'starlette', 'uvicorn', 'rich') if n in sys.modules)"
    script = (
        "import sys; from asap_lightning.commands import study; study.parser().format_help()\n"
        f"print(*(n for n in {names})\n"
        "import asap_lightning.preference.serve, asap_lightning.preference.web, uvicorn\n"
        f"print(*(n for n in {names})\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["", "starlette uvicorn"]
