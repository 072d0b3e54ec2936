"""Paths on the command line are taken as typed; other text that Hydra takes apart is shown quoted."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from asap_lightning.configuration.quoting import as_typed, quoted, typed, with_list
from asap_lightning.errors import UserError

NAMES = [
    *(
        "epoch=3-step=10.ckpt",
        "it's.ckpt",
        "a#b.ckpt",
        "[a] b.ckpt",
        "a,b.ckpt",
        "{x}.ckpt",
        "f(x).ckpt",
        "ü é.ckpt",
    ),
    *("a$b.ckpt", "${seed}.ckpt", "a\\b.ckpt", 'say "x".ckpt', "2024", "a:b=c", "x;y&z", "end\\"),
]


def value_of(words: list[str], key: str) -> object:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", as_typed(words))[key]


@pytest.fixture(autouse=True)
def _conf() -> None:
    from asap_lightning.configuration.configs import conf_dir
    from asap_lightning.configuration.resolvers import register_resolvers

    register_resolvers()
    global CONF
    CONF = conf_dir()


CONF = Path()


@pytest.mark.parametrize("name", NAMES)
def test_a_path_that_is_there_is_taken_as_typed(tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("")
    for path in (name, f"./{name}", str(tmp_path / name)):
        assert value_of([f"ckpt={path}"], "ckpt") == path


@pytest.mark.parametrize("name", ["epoch=3.ckpt", "it's", "[a]", "2024", "~/x"])
def test_a_path_that_is_not_there_is_named_as_typed(name: str) -> None:
    expected = str(Path(name).expanduser()) if name.startswith("~") else name
    assert value_of([f"ckpt={name}"], "ckpt") == expected


@pytest.mark.parametrize(
    "word",
    ["seed=1", "name=a b", "ckpt=null", "ckpt=last", "ckpt='epoch=3.ckpt'", "data=demo", "generator.s1=auto",
     "+trainer.x=[1,2]", "~callbacks.guard", "--flag", "ckpt=${runs}/x", "runs=runs"],
)  # fmt: skip
def test_what_needs_no_quotes_is_left_alone(word: str) -> None:
    assert as_typed([word]) == [word]


def test_a_file_that_happens_to_be_called_like_a_value_changes_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("1", "demo", "true"):
        Path(name).write_text("")
    words = ["seed=1", "data=demo", "baseline=true"]
    assert as_typed(words) == words


def test_several_values_of_a_sweep_stay_several(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a=1.ckpt", "b=2.ckpt"):
        Path(name).write_text("")
    assert as_typed(["ckpt=a=1.ckpt,b=2.ckpt"], sweeps=True) == ["ckpt='a=1.ckpt','b=2.ckpt'"]
    assert as_typed(["data.root=x,y"], sweeps=True) == ["data.root=x,y"]


def test_words_that_are_no_overrides_become_a_list(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=1.ckpt").write_text("")
    words = with_list(["runs/x", "draws=100", "a=1.ckpt", "it's"], "models")
    assert words == [r"models=['runs/x','a=1.ckpt','it\'s']", "draws=100"]
    assert value_of([f"+{words[0]}"], "models") == ["runs/x", "a=1.ckpt", "it's"]
    assert with_list(["draws=100"], "models") == ["draws=100"]


def test_an_empty_path_is_refused() -> None:
    with pytest.raises(UserError, match="ckpt= is empty"):
        as_typed(["ckpt="])


def test_what_is_typed_survives_the_shell_and_hydra(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        (word,) = shlex.split(typed("ckpt", name))
        Path(name).write_text("")
        assert value_of([word], "ckpt") == name
    assert quoted("a'b\\") == r"'a\'b\\'"


def test_the_message_shows_the_quoted_form(asap) -> None:
    shown = asap("train", "name=my#run", "--cfg", "job")
    assert shown.code == 2 and """'name='"'"'my#run'"'"''""" in shown.err
    (word,) = shlex.split("""'name='"'"'my#run'"'"''""")
    shown = asap("train", word, "--cfg", "job")
    assert shown.code == 0 and "my#run" in shown.out
