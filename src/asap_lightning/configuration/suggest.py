"""Nearest names for mistyped ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, names: Iterable[str], count: int = 1, cutoff: float = 0.6) -> list[str]:
    """The names most like ``word``, best first.

    A dotted key is compared as a whole and by its last part, so that ``mlp_width`` finds
    ``generator.mlp_width``.
    """

    def likeness(name: str) -> float:
        whole = difflib.SequenceMatcher(None, word, name).ratio()
        if "." in name or "." in word:
            tail = difflib.SequenceMatcher(None, word.rpartition(".")[2], name.rpartition(".")[2]).ratio()
            same_parent = word.rpartition(".")[0] == name.rpartition(".")[0]
            return max(whole, 0.98 * tail if same_parent or "." not in word else 0.8 * tail)
        return whole

    scored = sorted(((likeness(name), name) for name in set(names)), key=lambda pair: (-pair[0], pair[1]))
    return [name for score, name in scored[:count] if score >= cutoff]


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """`` Did you mean X?``, or nothing when no name is like ``word``."""
    found = nearest(word, names)
    return f" Did you mean {found[0]}?" if found else ""
