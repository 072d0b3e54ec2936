"""Runs an exported file in a process of its own: ``python -m asap_lightning.export.apart``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from asap_lightning.export.loaded import load_exported


def main(arguments: list[str]) -> int:
    """Translates the arrays ``N/NAME`` of an .npz file, and writes the images as ``N`` into another."""
    file, given, answer = arguments
    model = load_exported(Path(file))
    with np.load(given) as arrays:
        cases: dict[str, dict[str, np.ndarray]] = {}
        for key in arrays.files:
            index, name = key.split("/")
            cases.setdefault(index, {})[name] = arrays[key]
    np.savez(answer, **{index: model(**values) for index, values in cases.items()})  # type: ignore[arg-type]
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
