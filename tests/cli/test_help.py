"""Help texts: what a command does, an example, every flag and key explained, in lines that fit."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from asap_lightning.commands import COMMANDS, Command
from asap_lightning.configuration.config_files import options_of, read_config_file
from asap_lightning.configuration.configs import conf_dir

README = Path(__file__).resolve().parents[2] / "README.md"
WIDE = 100
FLAGGED = [command for command in COMMANDS if command.config is None and not command.subcommands]
CONFIGURED = [
    (words, one)
    for command in COMMANDS
    for words, one in [
        ((command.name,), command),
        *(((command.name, s.name), s) for s in command.subcommands),
    ]
    if one.config is not None
]


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those of its sub-commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from parsers(sub)


def flagged() -> list[Any]:
    found = [import_module(f"asap_lightning.commands.{command.module}").parser() for command in FLAGGED]
    return [pytest.param(one, id=one.prog) for parser in found for one in parsers(parser)]


def wide(text: str) -> list[str]:
    return [line for line in text.splitlines() if len(line) > WIDE]


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDE))


@pytest.mark.parametrize("parser", flagged())
def test_a_command_with_flags_says_what_it_does_with_examples(parser: argparse.ArgumentParser) -> None:
    assert re.match(r"[A-Z].*\.$", str(parser.description), re.S)
    assert f"\n  {parser.prog.removesuffix(' [-h]')}" in str(parser.epilog)
    text = parser.format_help()
    assert not wide(text)
    for action in parser._actions:
        assert action.help or isinstance(action, argparse._SubParsersAction), action
        assert "default " not in str(action.help).replace("default: ", ""), "one form: (default: VALUE)"


@pytest.mark.parametrize(("words", "command"), CONFIGURED, ids=lambda value: str(value)[:40])
def test_a_configured_command_says_what_it_does_with_examples(
    asap: Any, words: tuple[str, ...], command: Command
) -> None:
    shown = asap(*words, "--help")
    prog = f"asap {' '.join(words)}"
    assert shown.code == 0 and not wide(shown.out)
    usage, purpose, *parts = shown.out.split("\n\n")
    assert usage.startswith(f"usage: {prog} ")
    assert re.match(r"[A-Z].*\.$", purpose, re.S)
    (examples,) = [part for part in parts if part.startswith("examples:")]
    assert all(line.startswith((f"  {prog} ", "      ")) for line in examples.splitlines()[1:])
    for subcommand in command.subcommands:
        assert f"  {prog} {subcommand.name}" in shown.out


@pytest.mark.parametrize(("words", "command"), CONFIGURED, ids=lambda value: str(value)[:40])
def test_every_key_of_a_root_file_is_explained(words: tuple[str, ...], command: Command) -> None:
    """By a comment of its own, or one at the key that it lies under."""
    path = conf_dir() / f"{command.config}.yaml"
    about = read_config_file(path)
    own = {key: value for key, value in yaml.safe_load(path.read_text()).items() if key not in NO_KEYS}
    unexplained = [
        key
        for key in flat(own)
        if not any(about.comments.get(key.rsplit(".", n)[0]) for n in range(key.count(".") + 1))
        and key.split(".")[0] not in about.groups
    ]
    assert not unexplained
    assert not [group for group, told in about.groups.items() if not told]


NO_KEYS = ("defaults", "hydra")


def flat(node: dict[str, Any], above: str = "") -> Iterator[str]:
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def test_help_shows_the_values_of_what_was_typed_before_it(asap: Any) -> None:
    shown = asap("train", "generator=asap_small", "data.height=128", "--help")
    assert re.search(r"    mlp_width: 32\b", shown.out) and re.search(r"    height: 128\b", shown.out)
    assert "  generator=asap_small" in shown.out


def test_help_shows_only_groups_that_the_command_has(asap: Any) -> None:
    shown = asap("predict", "--help")
    assert "  logger=none" in shown.out and "discriminator=" not in shown.out and "options," not in shown.out


def test_help_shows_groups_of_a_folder_of_ones_own(asap: Any, tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nseed: 77\n", encoding="utf-8")
    shown = asap("train", "--config-dir", tmp_path, "experiment=mine", "--help")
    assert shown.code == 0 and "  experiment=mine" in shown.out and re.search(r"  seed: 77\b", shown.out)


def test_a_mistake_before_help_is_named(asap: Any) -> None:
    shown = asap("train", "trainer.max_stepss=3", "--help")
    assert shown.code == 2 and "Did you mean trainer.max_steps?" in shown.err


def test_the_list_of_commands_fits_and_speaks_with_one_voice(asap: Any) -> None:
    shown = asap("--help")
    assert not wide(shown.out) and "\nexamples:\n" in shown.out
    for command in [one for top in COMMANDS for one in (top, *top.subcommands)]:
        assert re.match(r"[a-z]+ ", command.help) and not command.help.endswith(".")


def test_the_table_of_the_readme_has_the_commands_of_the_help() -> None:
    table = README.read_text(encoding="utf-8").partition("## Commands")[2].partition("##")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| `")]
    named = {name for command, _ in rows for name in re.findall(r"`asap ([a-z]+)", command)}
    assert named == {command.name for command in COMMANDS}
    for _, told in rows:
        assert re.match(r" [a-z]", told) and not told.rstrip().endswith("."), told


def test_a_file_s_own_words_are_read(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("# Of others.\nleft: 1   # from the base\n", encoding="utf-8")
    (tmp_path / "one.yaml").write_text(
        "# asap one: do this\n# and that.\n#\n#   asap one a=1\n#\n# Not shown.\n"
        "defaults:\n  - base\n  - _self_\n  - data: demo   # where from\n  - override hydra/help: x\n"
        "a: '#1'    # first\n           # and more\n# a note\nb:\n  c: 2       # third\n  d: 3\n",
        encoding="utf-8",
    )
    about = read_config_file(tmp_path / "one.yaml")
    assert about.purpose == "Do this and that." and about.examples == ("asap one a=1",)
    assert about.bases == ("base",) and about.groups == {"data": "where from"}
    assert about.comments == {"left": "from the base", "a": "first and more", "b.c": "third"}
    assert read_config_file(tmp_path / "absent.yaml").comments == {}
    (tmp_path / "options.yaml").touch()
    assert options_of(tmp_path) == ["base", "one"]
