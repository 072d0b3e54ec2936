"""Parts of the configuration that were replaced by a word, as in ``loss.adversarial=hinged``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, reduce
from typing import Any

import yaml

from asap_lightning.configuration.configs import conf_dir
from asap_lightning.configuration.suggest import did_you_mean
from asap_lightning.errors import UserError


def require_parts(config: Mapping[str, Any], words: Iterable[str]) -> None:
    """A `UserError` where a word stands in the place of a part, which is a mapping with ``_target_``.

    Args:
        config: plain containers, composed.
        words: the command line's ``key=value``.
    """
    for word in words:
        key, _, _ = word.lstrip("+").partition("=")
        group, _, rest = key.partition(".")
        value = _at(config, key)
        if not rest or not isinstance(value, str | int | float):
            continue
        targets = known_targets(group, rest)
        if targets:
            names = [target.rpartition(".")[2] for target in targets]
            raise UserError(
                f"{key}={value}: a part is expected there, not a value.{did_you_mean(str(value), names)} "
                f"Name its class with {key}._target_=, one of {', '.join(targets)} (or another), "
                f"or choose a whole {group}=NAME"
            )


def known_targets(group: str, path: str) -> list[str]:
    """The classes that the options of a group have at a dotted path below it."""
    nodes = (_at(option, path) for option in _options(group))
    found = [node.get("_target_") for node in nodes if isinstance(node, Mapping)]
    return list(dict.fromkeys(target for target in found if isinstance(target, str)))


@cache
def _options(group: str) -> tuple[Any, ...]:
    """What the files of a group say. Read once: a command line has many words of few groups."""
    files = sorted((conf_dir() / group).glob("*.yaml"))
    return tuple(yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)


def _at(node: Any, path: str) -> Any:
    return reduce(
        lambda inner, key: inner.get(key) if isinstance(inner, Mapping) else None, path.split("."), node
    )
