"""Parts of the configuration that were replaced by a word, as in ``loss.adversarial=hinged``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
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
    found = []
    for file in sorted((conf_dir() / group).glob("*.yaml")):
        node = _at(yaml.safe_load(file.read_text(encoding="utf-8")) or {}, path)
        if isinstance(node, Mapping) and isinstance(node.get("_target_"), str):
            found.append(node["_target_"])
    return list(dict.fromkeys(found))


def _at(node: Any, path: str) -> Any:
    return reduce(
        lambda inner, key: inner.get(key) if isinstance(inner, Mapping) else None, path.split("."), node
    )
