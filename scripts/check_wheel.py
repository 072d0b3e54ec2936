"""What a wheel must do where nothing else is: load its kernels, and translate a layout by its own model."""

from __future__ import annotations

import sys
from importlib.resources import files

import numpy as np
from PIL import Image

from asap_lightning import Translator
from asap_lightning.ops.native_library import instruction_set, load_failure


def main() -> int:
    """Exit code 1 where the kernels are missing; an error where the picture is none."""
    if failure := load_failure():
        print(failure, file=sys.stderr)
        return 1
    layouts = files("asap_lightning.app") / "static" / "examples"
    with (layouts / "facade1.png").open("rb") as file:
        label = np.asarray(Image.open(file))
    picture = Translator.load("facades", device="cpu")(label)
    assert picture.shape == (*label.shape, 3) and picture.std() > 10
    print(f"{instruction_set()} kernels; facade1.png translated: {picture.shape}, mean {picture.mean():.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
