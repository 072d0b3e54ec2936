"""The painter in a browser: chosen, painted, undone, opened, kept, begun anew."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asap_lightning.app.application import make_app
from asap_lightning.app.card import ModelCard
from asap_lightning.data.reading import read_photo
from asap_lightning.inference import Translator
from browser import CHROMIUM, Browser
from served import served
from waiting import wait_for

from .conftest import SPEC, layout, make_translator, png

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on PATH")]

IDLE = "document.body?.dataset.pictures > {} && document.body.dataset.busy === 'false'"


class Page:
    """The painter, driven."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser = browser
        browser.open(address)
        self.settled()

    @property
    def pictures(self) -> int:
        """How many have been shown."""
        return int(self.browser.evaluate("Number(document.body.dataset.pictures)"))

    def settled(self, after: int = 0) -> None:
        """Until a picture of the newest state is shown."""
        self.browser.wait_for(IDLE.format(after))

    @property
    def ids(self) -> np.ndarray:
        """The grid."""
        width, height, values = self.browser.evaluate(
            "[painter.grid.width, painter.grid.height, Array.from(painter.grid.values).join()]"
        )
        return np.array(values.split(","), np.uint8).reshape(height, width)

    def shown(self) -> str:
        """The picture's pixels, as text."""
        return self.browser.evaluate("document.getElementById('picture').toDataURL()")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The point of the window where a point of the grid is."""
        left, top, scale = self.browser.evaluate(
            "(({left, top}) => [left + painter.view.x, top + painter.view.y, painter.view.scale])"
            "(document.getElementById('layout').getBoundingClientRect())"
        )
        return left + scale * x, top + scale * y

    def click(self, name: str) -> None:
        """A button by its id."""
        self.browser.evaluate(f"document.getElementById('{name}').click()")


@pytest.fixture(scope="module")
def translator() -> Translator:
    return make_translator(SPEC)


@pytest.fixture(scope="module")
def address(translator: Translator) -> Iterator[str]:
    with served(make_app(translator, ModelCard.of(translator, "small"))) as (host, port):
        yield f"http://{host}:{port}/"


def test_the_painter(address: str, translator: Translator, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile") as browser:
        page = Page(browser, address)
        assert browser.evaluate("document.getElementById('title').textContent") == "small"
        first, picture = page.ids, page.shown()
        assert first.shape == (512, 512), "an example is shown"

        # choose a class by its key, and paint: the picture changes, and no other class appears
        browser.press("5")
        assert browser.evaluate("document.querySelector('#palette [aria-checked=true]').dataset.value") == "4"
        seen = page.pictures
        browser.drag(page.at(100, 100), page.at(180, 140), page.at(260, 100))
        page.settled(seen)
        painted = page.ids
        changed = painted != first
        assert changed.sum() > 1000 and set(painted[changed]) == {4}
        assert painted[100, 100] == painted[140, 180] == 4
        assert page.shown() != picture
        assert "ms" in browser.evaluate("document.getElementById('latency').textContent")

        # back and forth
        seen = page.pictures
        browser.press("z", control=True)
        page.settled(seen)
        assert np.array_equal(page.ids, first) and page.shown() == picture
        seen = page.pictures
        page.click("redo")
        page.settled(seen)
        assert np.array_equal(page.ids, painted)

        # a dab is translated once, not again as the button is let go
        seen = page.pictures
        browser.press("b")
        browser.drag(page.at(400, 60))
        page.settled(seen)
        browser.evaluate("new Promise((done) => setTimeout(done, 100))")
        page.settled(seen)
        assert page.pictures == seen + 1
        page.click("undo")
        page.settled(seen + 1)

        # the other tools
        browser.press("r")
        browser.press("1")
        browser.drag(page.at(300.5, 300.5), page.at(339.5, 319.5))
        assert (page.ids[300:320, 300:340] == 0).all()
        browser.press("f")
        browser.press("3")
        browser.drag(page.at(310, 310))
        assert (page.ids[300:320, 300:340] == 2).all()
        browser.press("i")
        browser.drag(page.at(180, 140))
        assert browser.evaluate("painter.value") == 4
        browser.press("e")
        browser.evaluate("document.getElementById('layout').focus()")
        browser.press("Enter")
        assert page.ids[256, 256] == browser.evaluate("painter.ground"), "keys paint in the middle first"

        # open a layout of colours; another picture is refused and told
        label = layout(64, 96)
        colours = make_colours(label)
        (tmp_path / "colours.png").write_bytes(png(colours))
        seen = page.pictures
        browser.choose_file("#file", tmp_path / "colours.png")
        browser.wait_for("painter.grid.width === 96")
        page.settled(seen)
        assert np.array_equal(page.ids, label)
        (tmp_path / "photo.png").write_bytes(png(np.full((8, 8, 3), (9, 8, 7), np.uint8)))
        browser.choose_file("#file", tmp_path / "photo.png")
        browser.wait_for("document.getElementById('message').textContent")
        told = browser.evaluate("document.getElementById('message').textContent")
        assert told == "photo.png: The file has colours of no class (#090807: 64 pixels)."
        assert np.array_equal(page.ids, label)

        # keep both
        kept = tmp_path / "kept"
        kept.mkdir()
        browser.download_to(kept)
        page.click("save-layout")
        page.click("save-picture")
        wait_for(lambda: set(os.listdir(kept)) == {"layout.png", "picture.png"}, "both files are there", 60)
        assert np.array_equal(np.asarray(Image.open(kept / "layout.png")), label)
        assert np.array_equal(read_photo(kept / "picture.png"), translator(label))

        # a new canvas, which can be undone too
        seen = page.pictures
        page.click("new")
        browser.evaluate("document.getElementById('new-width').value = 80")
        browser.evaluate("document.getElementById('new-fill').value = 7")
        browser.evaluate("document.querySelector('#new-dialog [value=make]').click()")
        browser.wait_for("painter.grid.width === 80")
        page.settled(seen)
        assert page.ids.shape == (64, 80) and (page.ids == 7).all()
        page.click("undo")
        assert np.array_equal(page.ids, label)
        assert not browser.messages


def make_colours(label: np.ndarray) -> np.ndarray:
    from asap_lightning.data.palettes import class_colours

    return class_colours(SPEC)[label]


def test_a_phone(address: str, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile") as browser:
        browser.resize(390, 844, phone=True)
        page = Page(browser, address)
        assert browser.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [390, 390]
        assert browser.evaluate("document.getElementById('stages').dataset.view") == "split"
        unnamed = browser.evaluate(
            "[...document.querySelectorAll('button, input, select')].filter((one) => one.offsetParent && "
            "!(one.ariaLabel || one.title || one.textContent.trim() || one.labels?.length)).length"
        )
        assert unnamed == 0
        seen, before = page.pictures, page.ids
        x, y = page.at(100, 100)
        for kind, points in (("touchStart", [(x, y)]), ("touchMove", [(x + 30, y + 10)]), ("touchEnd", [])):
            touched = [{"x": a, "y": b} for a, b in points]
            browser.call("Input.dispatchTouchEvent", type=kind, touchPoints=touched)
        page.settled(seen)
        assert (page.ids != before).any()
        seen = page.pictures
        page.click("undo")
        page.settled(seen)
        assert np.array_equal(page.ids, before) and not browser.messages


def test_a_server_that_goes_away_is_told(translator: Translator, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile") as browser:
        with served(make_app(translator, ModelCard.of(translator, "small"))) as (host, port):
            page = Page(browser, f"http://{host}:{port}/")
        browser.drag(page.at(100, 100), page.at(180, 140))
        browser.wait_for("document.getElementById('message').textContent.startsWith('No connection')")
