"""The page's modules that need no page, in Node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NODE = shutil.which("node")
TESTS = Path(__file__).parent / "js"
SOURCES = Path(__file__).parents[2] / "src" / "asap_lightning" / "app" / "static"


def png_files(folder: Path) -> Path:
    """PNG files of every mode that Pillow writes, with their values, and the list of them."""
    draw, listed = np.random.default_rng(5), []
    smooth = np.add.outer(np.arange(19), np.arange(23)).astype(np.uint8)
    for mode, channels in (("1", 1), ("L", 1), ("LA", 2), ("P", 1), ("RGB", 3), ("RGBA", 4), ("I;16", 1)):
        for name, values in (("noise", draw.integers(0, 256, (19, 23), np.uint8)), ("smooth", smooth)):
            if mode == "P":
                image = Image.fromarray(values % 4)
                image.putpalette([0, 0, 0, 9, 9, 9, 20, 20, 20, 255, 0, 0])
            elif mode == "I;16":
                image = Image.fromarray(values.astype(np.uint16) * 257)
            else:
                image = Image.fromarray(values).convert(mode)
            file = folder / f"{mode.replace(';', '_')}_{name}.png"
            image.save(file)
            stored = np.asarray(image).astype(int).reshape(-1)
            listed.append({"file": str(file), "channels": channels, "values": stored.tolist()})
    place = folder / "files.json"
    place.write_text(json.dumps(listed), encoding="utf-8")
    return place


@pytest.mark.skipif(NODE is None, reason="there is no node on PATH")
@pytest.mark.parametrize("name", ["raster", "files"])
def test_modules(name: str, tmp_path: Path) -> None:
    assert NODE is not None
    variables = {**os.environ, "ASAP_PNG_FILES": str(png_files(tmp_path))}
    command = [NODE, "--test", "--test-reporter=spec", str(TESTS / f"{name}.test.mjs")]
    ended = subprocess.run(command, capture_output=True, text=True, env=variables, check=False, timeout=250)
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr


def test_no_module_is_long_or_loads_from_elsewhere() -> None:
    sources = [path for kind in ("js", "css", "html") for path in SOURCES.rglob(f"*.{kind}")]
    assert len(sources) > 15
    for path in sources:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 260, path
        for address in ("http://", "https://", 'src="//', "@import"):
            assert address not in text, path
