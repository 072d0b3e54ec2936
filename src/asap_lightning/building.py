"""Builds objects from plain ``_target_`` mappings that were read from a file, without Hydra.

A checkpoint carries the description of its network as plain data; building it again must neither need Hydra
nor run anything that a stranger wrote into the file. So only what `registry` lists may be named, each at its
place; arguments are plain values within limits; and a whole description is checked before any of it is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.registry import ROLES, Role, RoleName, located

DEEPEST = 16
MOST_VALUES = 20_000
LONGEST_TEXT = 4_096
LONGEST_NAME = 200
HYDRAS_OWN = {"_convert_": str, "_partial_": bool, "_recursive_": bool}
"""What Hydra reads beside arguments; ``_partial_`` is needed on parts, the others mean nothing here."""


def build(node: Any, role: RoleName, place: str = "", **overrides: Any) -> Any:
    """Builds ``{_target_: name, argument: value, ..}``; parts among the arguments become factories.

    Args:
        node: the description, as it was read from a file.
        role: what it may name.
        place: where it stands, for messages: ``model.ckpt: generator``.
        overrides: arguments that win over the description's.

    Raises:
        UserError: the description is refused, or the constructor refuses its values.
    """
    place = place or role
    check(node, role, place)
    factory = _factory(node, role, overrides)
    try:
        return factory()
    except UserError:
        raise
    except Exception as error:  # whatever a constructor says to the values in a file
        raise UserError(
            f"{place} cannot be built: {(str(error) or type(error).__name__).splitlines()[0]}"
        ) from error


def check(node: Any, role: RoleName, place: str) -> None:
    """Refuses a description that names something else, or holds more than plain values.

    Raises:
        UserError: says what was found where.
    """
    require_plain(node, place)
    _check_part(node, role, place)


def require_plain(value: Any, place: str) -> None:
    """Refuses all but None, numbers, texts, and lists and mappings of them, within limits.

    Raises:
        UserError: another type, too deep, too many values, a text too long.
    """
    waiting, seen = [(value, place, 0)], 0
    while waiting:
        value, where, depth = waiting.pop()
        seen += 1
        if depth > DEEPEST or seen > MOST_VALUES:
            what = f"nested deeper than {DEEPEST}" if depth > DEEPEST else f"more than {MOST_VALUES} values"
            raise UserError(f"{place} is refused: {what}, which no description needs")
        if type(value) is dict:
            for key, inner in value.items():
                if type(key) not in (str, int) or not _is_short(key, LONGEST_NAME):
                    raise UserError(f"{where} has the key {shown(key)}; a name was expected")
                waiting.append((inner, _at(where, key), depth + 1))
        elif type(value) in (list, tuple):
            waiting.extend((inner, f"{where}[{index}]", depth + 1) for index, inner in enumerate(value))
        elif not (value is None or type(value) in (bool, int, float, str)):
            raise UserError(
                f"{where} holds a {type(value).__name__}; a number, a text, a list or a mapping was expected"
            )
        elif not _is_short(value):
            raise UserError(f"{where} is refused: {shown(value)} is longer than any value needs to be")


def shown(value: Any) -> str:
    """A value from a file as a message may show it: short, on one line, whatever it is."""
    if type(value) in (dict, list, tuple, set):
        return f"a {type(value).__name__} of {len(value)}"
    if type(value) is int and value.bit_length() > 64:
        return f"a number of {value.bit_length()} bits"
    if not (value is None or type(value) in (bool, int, float, str)):
        return f"a {type(value).__name__}"
    text = ascii(value[:60] if isinstance(value, str) else value)
    return text if len(text) <= 80 else f"{text[:76]}.."


def _at(place: str, key: Any) -> str:
    """The place of an argument; a key that is no plain name is escaped."""
    plain = type(key) is str and key.isidentifier() and key.isascii()
    return f"{place}.{key}" if plain else f"{place}[{shown(key)}]"


def _is_short(value: Any, longest: int = LONGEST_TEXT) -> bool:
    if type(value) is int:
        return value.bit_length() < 64
    return type(value) is not str or len(value) <= longest


def _check_part(node: Any, role: RoleName, place: str) -> None:
    allowed = ROLES[role]
    if not isinstance(node, Mapping) or "_target_" not in node:
        raise UserError(f"{place} is {shown(node)}; a mapping with the name of a {role} was expected")
    name = node["_target_"]
    if type(name) is not str or name not in allowed.names:
        known = ", ".join(known.rpartition(".")[2] for known in allowed.names)
        raise UserError(f"{place}: refused to build {shown(name)}; a file may name as {role} only {known}")
    for key, value in node.items():
        _check_argument(key, value, allowed, _at(place, key))


def _check_argument(key: Any, value: Any, allowed: Role, place: str) -> None:
    if type(key) is not str or not key.isidentifier() or (key.startswith("_") and key != "_target_"):
        expected = HYDRAS_OWN.get(key)
        if expected is None or type(value) is not expected:
            raise UserError(f"{place} = {shown(value)} is refused: the name of an argument was expected")
    elif key in allowed.parts and isinstance(value, Mapping):
        _check_part(value, allowed.parts[key], place)
        if value.get("_partial_") is not True:
            raise UserError(f"{place} is refused: a part is stored with _partial_: true")
    else:
        _check_value(value, allowed.limits.get(key, allowed.largest), place)


def _check_value(value: Any, largest: int, place: str) -> None:
    """Numbers within bounds, and no part where none may be."""
    if isinstance(value, Mapping):
        if "_target_" in value:
            raise UserError(f"{place}: refused to build {shown(value['_target_'])}: no part belongs there")
        for key, inner in value.items():
            _check_value(inner, largest, _at(place, key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _check_value(inner, largest, f"{place}[{index}]")
    elif type(value) is int and abs(value) > largest:
        raise UserError(f"{place} = {value} is refused: at most {largest} was expected")


def _factory(node: Mapping[str, Any], role: RoleName, overrides: Mapping[str, Any]) -> partial[Any]:
    """A checked description as a callable."""
    parts = ROLES[role].parts
    arguments = {
        key: _factory(value, parts[key], {}) if key in parts and isinstance(value, Mapping) else value
        for key, value in node.items()
        if not key.startswith("_")
    }
    return partial(located(node["_target_"]), **{**arguments, **overrides})
