"""The text of ``asap COMMAND --help`` for commands that a configuration describes."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from asap_lightning.configuration.config_files import options_of, read_config_file
from asap_lightning.configuration.configs import conf_dir

WIDEST = 100
COLUMN = 26
"""Where explanations begin."""
PLAIN = re.compile(r"[\w./:${}@%+,=-]+")
FLAGS = {
    "--cfg job": "print the configuration that the words make, and run nothing",
    "-m key=1,2,3": "run once for each value",
    "--config-dir DIR": "look for groups of yours there, too: DIR/experiment/NAME.yaml",
    "--debug": "show the traceback of a mistake",
    "--hydra-help": "list the flags of Hydra, the library that composes the configuration",
}


def columns() -> int:
    """Of the terminal, at most `WIDEST`."""
    return max(60, min(shutil.get_terminal_size().columns, WIDEST))


def help_text(
    prog: str,
    config_name: str,
    overrides: Sequence[str],
    *,
    folder: str | None = None,
    commands: Sequence[tuple[str, str]] = (),
) -> str:
    """What a command does, examples, its groups and keys with their values and meanings.

    Args:
        prog: the command as it is typed.
        config_name: of its root file.
        overrides: that were typed before ``--help``: the values are those that they make.
        folder: of groups of the user's own.
        commands: sub-commands, and what they do.
    """
    search = [f"hydra.searchpath=[file://{Path(folder).resolve()}]"] if folder else []
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose(config_name, [*overrides, *search], return_hydra_config=True)
    choices = {
        name: one for name, one in config.hydra.runtime.choices.items() if not name.startswith("hydra")
    }
    values = cast("dict[str, Any]", OmegaConf.to_container(config, resolve=False))
    values.pop("hydra")
    about = read_config_file(conf_dir() / f"{config_name}.yaml")
    parts = [f"usage: {prog} [group=option ...] [key=value ...]", textwrap.fill(about.purpose, columns())]
    if commands:
        parts.append("\n".join(["commands:", *_table({f"{prog} {name}": told for name, told in commands})]))
    parts.append("\n".join(["examples:", *_examples(about.examples)]))
    if choices:
        head = "groups, and what is chosen (choose with group=option):"
        parts.append("\n".join([head, *_groups(choices, about.groups, folder)]))
    head = "keys, and their values (change with key=value; ??? has to be given, null is not set):"
    parts.append("\n".join([head, *_keys(values, _comments(about.comments, choices), "  ", "")]))
    parts.append("\n".join(["flags:", *_table(FLAGS)]))
    return "\n\n".join(parts) + "\n"


def _examples(examples: Sequence[str]) -> Iterator[str]:
    """Command lines, broken at spaces with a backslash, as a shell takes them."""
    for example in examples:
        lines = textwrap.wrap(
            example, columns() - 6, break_long_words=False, break_on_hyphens=False, subsequent_indent="    "
        )
        yield " \\\n".join(f"  {line}" for line in lines)


def _table(rows: Mapping[str, str]) -> Iterator[str]:
    for name, told in rows.items():
        yield from _explained(f"  {name}", told, mark="")


def _groups(choices: Mapping[str, str | None], told: Mapping[str, str], folder: str | None) -> Iterator[str]:
    """Every group with its choice, what it is for, and its options."""
    for group in sorted(choices, key=lambda name: list(told).index(name) if name in told else len(told)):
        yield from _explained(f"  {group}={choices[group] or 'null'}", told.get(group, ""))
        own = options_of(Path(folder) / group) if folder else []
        listed = ", ".join(sorted({*options_of(conf_dir() / group), *own}))
        yield from textwrap.wrap(listed, columns(), initial_indent="    ", subsequent_indent="    ")


def _comments(own: Mapping[str, str], choices: Mapping[str, str | None]) -> dict[str, str]:
    """Dotted keys and what they are for, of the root file and of the options that are chosen."""
    found: dict[str, str] = {}
    for group, chosen in choices.items():
        for key, words in read_config_file(conf_dir() / group / f"{chosen}.yaml").comments.items():
            found[f"{group}.{key}"] = words
    return found | dict(own)


def _keys(values: Mapping[str, Any], told: Mapping[str, str], indent: str, above: str) -> Iterator[str]:
    """A line a key, with what it is for."""
    for key, value in values.items():
        nested = isinstance(value, dict) and value
        shown = "" if nested else f" {typed(value)}"
        yield from _explained(f"{indent}{key}:{shown}", told.get(above + str(key), ""))
        if isinstance(value, dict):
            yield from _keys(value, told, indent + "  ", f"{above}{key}.")


def typed(value: Any) -> str:
    """A value as one would type it: ``null``, ``true``, ``[a,b]``."""
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, list):
        return f"[{','.join(map(typed, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}: {typed(one)}" for key, one in value.items()) + "}"
    return value if PLAIN.fullmatch(value) or value == "???" else json.dumps(value)


def _explained(left: str, words: str, mark: str = "# ") -> Iterator[str]:
    """What is named to the left, and in a column of its own what it is for."""
    if not words:
        yield left
        return
    room = columns() - COLUMN - len(mark)
    lines = textwrap.wrap(words, room, break_long_words=False, break_on_hyphens=False)
    if len(left) < COLUMN:
        yield f"{left:{COLUMN}}{mark}{lines.pop(0)}"
    else:
        first = textwrap.wrap(words, max(10, columns() - len(left) - 2 - len(mark)), break_on_hyphens=False)
        if len(first) == 1:
            yield f"{left}  {mark}{first[0]}"
            return
        yield left
    yield from (f"{'':{COLUMN}}{mark}{line}" for line in lines)
