"""What models of a comparison are called."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from asap_lightning.errors import UserError

SKIPPED = ("/", "checkpoints")
"""Parts of a path that tell nothing of a model."""


def given_names(given: Any, words: Sequence[str]) -> list[str]:
    """Names of the rows: those that were given, or the last parts of the paths that tell them apart.

    Raises:
        UserError: another number of names than of models, or one twice.
    """
    if given is not None:
        names = [str(name) for name in given]
        if len(names) != len(words) or len(set(names)) < len(names) or not all(names):
            raise UserError(f"names={names}: {len(words)} different names were expected, one for each model")
        return names
    paths = [[part for part in Path(word).resolve().parts if part not in SKIPPED] for word in words]
    if len({tuple(path) for path in paths}) < len(paths):
        raise UserError(f"a model is named twice: {', '.join(words)}")
    endings = zip(*(path[::-1] for path in paths), strict=False)
    common = len(list(takewhile(lambda parts: len(set(parts)) == 1, endings)))
    paths = [path[: len(path) - min(common, len(path) - 1)] for path in paths]
    for count in range(1, max(map(len, paths)) + 1):
        names = ["/".join(path[-count:]).removesuffix(".ckpt") for path in paths]
        if len(set(names)) == len(names):
            return names
    return list(words)
