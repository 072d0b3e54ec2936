"""The models that come with the package: files beside this one, each with a card ``NAME.md``.

``facades``: an ASAP-Net that turns label maps of the CMP facades' classes into facades. It has seen drawn
facades alone, so no photo's licence rests on it. ``make model`` makes it again.
"""

from __future__ import annotations

from pathlib import Path

MODELS = ("facades",)


def boxed(name: str) -> Path:
    """The file of a model that comes with the package.

    Raises:
        KeyError: there is none of this name.
    """
    if name not in MODELS:
        raise KeyError(name)
    return Path(__file__).with_name(f"{name}.safetensors")
