"""The page as a folder of files: whole or not at all, and driven without a server of ours."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asap_lightning.app import folder as folders
from asap_lightning.app.folder import write_page
from asap_lightning.checkpoint import ModelDescription
from asap_lightning.errors import UserError
from asap_lightning.export.writing import Exported, Wish
from asap_lightning.inference import Translator
from browser import CHROMIUM, Browser
from local_server import serving
from waiting import wait_for

from .conftest import SPEC, make_translator
from .test_page import Page

RUNTIME = os.environ.get("ASAP_ONNXRUNTIME_WEB")


@pytest.fixture
def described() -> Translator:
    """A small model, as if it came from a checkpoint."""
    translator = make_translator()
    translator.description = ModelDescription(
        SPEC.as_dict(), {"_target_": "asap_lightning.models.AsapGenerator"}
    )
    return translator


def without_runtime(target: Path, source: Path | None = None) -> None:
    (target / "LICENSE").write_text("none")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the runtime's files nor a real export."""

    def export(generator: object, description: object, folder: Path, wish: Wish) -> Exported:
        (folder / "model.onnx").write_bytes(b"graph")
        about = {"inputs": [{"name": "label"}], "outputs": [{"name": "translated"}], "sizes": {"any": True}}
        return Exported(folder / "model.onnx", 5, [], about)

    monkeypatch.setattr(folders, "copy_runtime", without_runtime)
    monkeypatch.setattr(folders, "export_model", export)


@pytest.mark.usefixtures("quick")
def test_what_is_in_the_folder(described: Translator, tmp_path: Path) -> None:
    written = write_page(described, "small", tmp_path / "page")
    assert written.path == tmp_path / "page"
    page = (tmp_path / "page" / "index.html").read_text()
    assert 'name="asap-engine" content="browser"' in page
    assert "script-src 'self' 'wasm-unsafe-eval'; style-src 'self'" in page
    about = json.loads((tmp_path / "page" / "model.json").read_text())
    assert about["engine"] == "browser" and about["onnx"]["file"] == "model.onnx"
    version = re.search(r'VERSION = "([0-9a-f]{16})"', (tmp_path / "page" / "sw.js").read_text())
    assert version is not None
    write_page(described, "other", tmp_path / "other")
    assert version[1] not in (tmp_path / "other" / "sw.js").read_text(), "another content, another cache"
    assert {path.name for path in tmp_path.iterdir()} == {"page", "other"}


@pytest.mark.usefixtures("quick")
def test_folders_that_are_refused(
    described: Translator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    (tmp_path / "file").touch()
    for name in ("used", "file"):
        with pytest.raises(UserError, match="is there already: name a new or an empty folder"):
            write_page(described, "small", tmp_path / name)
    with pytest.raises(UserError, match="cannot be written"):
        write_page(described, "small", tmp_path / "file" / "page")
    (tmp_path / "empty").mkdir()
    write_page(described, "small", tmp_path / "empty")
    assert (tmp_path / "empty" / "index.html").is_file()

    def fails(target: Path, source: Path | None = None) -> None:
        raise UserError("no runtime")

    monkeypatch.setattr(folders, "copy_runtime", fails)
    with pytest.raises(UserError, match="no runtime"):
        write_page(described, "small", tmp_path / "page")
    assert {path.name for path in tmp_path.iterdir()} == {"used", "file", "empty"}, "nothing half-written"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Of the standard library, as people have it; without its log."""

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def static_host(folder: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(folder))
    with serving(handler) as url:
        yield f"{url}/"


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on PATH")
@pytest.mark.skipif(RUNTIME is None, reason="ASAP_ONNXRUNTIME_WEB names no onnxruntime-web package")
def test_the_page_without_a_server(described: Translator, tmp_path: Path) -> None:
    """Painted, undone, kept; then opened again without network."""
    assert RUNTIME is not None
    write_page(described, "small", tmp_path / "page", runtime=Path(RUNTIME))
    with Browser(tmp_path / "profile") as browser:
        with static_host(tmp_path / "page") as address:
            page = Page(browser, address)
            assert browser.evaluate("crossOriginIsolated"), "the service worker isolates the page"
            assert "WebAssembly" in browser.evaluate("document.getElementById('engine').textContent")
            first, seen = page.ids, page.pictures
            browser.press("5")
            browser.drag(page.at(100, 100), page.at(180, 140))
            page.settled(seen)
            painted, seen = page.ids, page.pictures
            assert set(painted[painted != first]) == {4}
            kept = tmp_path / "kept"
            kept.mkdir()
            browser.download_to(kept)
            page.click("save-picture")
            wait_for(lambda: (kept / "picture.png").exists(), "the picture is there", 60)
            made = np.asarray(Image.open(kept / "picture.png").convert("RGB")).astype(int)
            assert np.abs(made - described(painted)).max() <= 1
            page.click("undo")
            page.settled(seen)
            assert np.array_equal(page.ids, first)
        browser.open("about:blank")
        page = Page(browser, address)  # the host has gone
        assert page.pictures >= 1 and page.ids.shape == (512, 512)
        unexpected = [one for one in browser.messages if "No available adapters" not in one]
        assert not unexpected
