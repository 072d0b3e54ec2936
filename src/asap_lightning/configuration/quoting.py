"""``key=value`` as it is typed and as Hydra reads it: paths are taken as typed.

Hydra's grammar gives a meaning to ``= , # ' [ { (`` and has no place for letters outside ASCII. A value that
names a file or a folder means that file, so it reaches Hydra in quotes.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hydra.errors import HydraException

from asap_lightning.errors import UserError

PATHS = frozenset(
    {
        *("ckpt", "initialize", "input", "output", "out", "instances", "style", "style.image"),
        *("style.label", "runs"),
        *("image", "mask"),
        *("data.root", "data.layout.source", "loss.perceptual.weights", "hydra.run.dir", "hydra.sweep.dir"),
    }
)
"""Keys whose values are files or folders; those that are still to be made cannot be recognised otherwise."""
_WORD = re.compile(r"(?P<sign>\+{0,2})(?P<key>[^=~+\s][^=\s]*)=(?P<value>.*)", re.S)


def quoted(value: str) -> str:
    """A value as Hydra takes any text: in quotes, where only quotes and backslashes before them are escaped.

    OmegaConf would resolve ``${..}`` in it, which is escaped too.
    """
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    return "'" + re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text) + "'"


def typed(key: str, value: object) -> str:
    """``key=value`` to type in a shell, for a path or a plain word; quoted where the shell needs it."""
    return shlex.quote(f"{key}={value}")


def typed_text(key: str, value: str) -> str:
    """``key=value`` to type in a shell, for text that Hydra would take apart: in its quotes, too."""
    return shlex.quote(f"{key}={quoted(value)}")


def as_typed(words: Sequence[str], *, sweeps: bool = False) -> list[str]:
    """Overrides in which every value that names a path is that path, in quotes where Hydra needs them.

    Args:
        words: the command line's ``key=value``, without flags.
        sweeps: whether ``a,b`` means one job for each value.

    Raises:
        UserError: a path that is empty.
    """
    return [_as_typed(word, sweeps or _asks_for_sweep(words)) for word in words]


def with_list(words: Sequence[str], key: str) -> list[str]:
    """The words, with those that are no ``key=value`` or name what is there gathered as a list of ``key``."""
    named = [word for word in words if _WORD.fullmatch(word) is None or _exists(word)]
    rest = [word for word in words if word not in named]
    return [f"{key}=[{','.join(map(quoted, named))}]", *rest] if named else rest


def one_each(words: Sequence[str], key: str | None) -> list[list[str]]:
    """The words once for every item of ``key=[A,B]``; once as they are where the key holds no list.

    Args:
        words: the command line's.
        key: which may hold a list of paths; None: no key may.
    """
    for at, word in enumerate(words):
        name, _, value = word.partition("=")
        if key is not None and name == key and value.startswith("[") and value.endswith("]"):
            items = [item.strip().strip("'\"") for item in value[1:-1].split(",")]
            if not _exists(value) and all(items):
                return [[*words[:at], f"{key}={item}", *words[at + 1 :]] for item in items]
    return [list(words)]


def _asks_for_sweep(words: Sequence[str]) -> bool:
    return any(word.startswith(("sweep=", "hydra.mode=MULTIRUN")) for word in words)


def _as_typed(word: str, sweeps: bool) -> str:
    match = _WORD.fullmatch(word)
    if match is None:
        return word
    key, value = match["key"], match["value"]
    is_path = key in PATHS
    if is_path and not value.strip():
        raise UserError(f"{key}= is empty: a path was expected (or {key}=null, where there may be none)")
    if is_path and value.startswith("~"):
        value = os.path.expanduser(value)
    parts = value.split(",")
    if sweeps and not _exists(value) and len(parts) > 1 and all(map(_exists, parts)):
        return f"{match['sign']}{key}=" + ",".join(map(quoted, parts))
    return f"{match['sign']}{key}={quoted(value) if _needs_quotes(value, is_path, sweeps) else value}"


def _needs_quotes(value: str, is_path: bool, sweeps: bool) -> bool:
    if value == "null" or value == "":
        return False
    parsed = _parsed(value)
    if parsed == value:
        return "${" in value and _exists(value)  # a name that OmegaConf would resolve
    if isinstance(parsed, bool | int | float):
        return is_path
    if _exists(value):
        return True
    if not is_path or isinstance(parsed, QuotedString):
        return False
    return parsed is None or not sweeps


def _parsed(value: str) -> Any:
    """What Hydra makes of a value: None if it cannot read it, `QuotedString` if it is in quotes already."""
    try:
        override = OverridesParser.create().parse_override(f"key={value}")
    except HydraException:
        return None
    return override._value if isinstance(override._value, QuotedString) else override.value()


def _exists(path: str) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:  # a NUL inside
        return False
