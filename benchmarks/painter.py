"""From a stroke to its picture, in a browser: python benchmarks/painter.py http://127.0.0.1:8000 --strokes 20

Drives the painter in a headless chromium: `asap serve model=facades`, or any static web server over the
folder of `asap export format=web`. A dab is a press and a release. A stroke moves sixty times a second for
some time, while pictures of its beginning are made; its time runs from the last change of the canvas until
the picture of it is on the screen, by the page's own clock.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from browser import CHROMIUM, Browser

# The time of the last change of the canvas, and of each picture after it.
CLOCK = """(() => {
  window.strokes = {last: 0, times: []};
  const listeners = painter.listeners, changed = listeners.changed;
  listeners.changed = () => { strokes.last = performance.now(); changed(); };
  const shown = () => requestAnimationFrame(() => strokes.times.push(performance.now() - strokes.last));
  new MutationObserver(shown).observe(document.body, {attributes: true, attributeFilter: ['data-pictures']});
})()"""
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
IDLE = "document.body?.dataset.pictures > {} && document.body.dataset.busy === 'false'"


MOVES = 18  # of a stroke: 0.3 s


def stroke_times(browser: Browser, strokes: int, moves: int) -> list[float]:
    """Milliseconds of each stroke, the least first."""
    left, top, scale = browser.evaluate(
        "(({left, top}) => [left + painter.view.x, top + painter.view.y, painter.view.scale])"
        "(document.getElementById('layout').getBoundingClientRect())"
    )
    times = []
    for number in range(strokes + 3):
        browser.press(str(1 + number % 9))
        seen = int(browser.evaluate("Number(document.body.dataset.pictures)"))
        x, y = 60 + 17 * (number % 20), 80 + 13 * (number % 27)
        points = [(left + scale * (x + 4 * step), top + scale * (y + step)) for step in range(moves + 1)]
        mouse(browser, "mousePressed", points[0])
        for point in points[1:]:
            time.sleep(1 / 60)
            mouse(browser, "mouseMoved", point)
        mouse(browser, "mouseReleased", points[-1])
        browser.evaluate(FRAMES)  # moves reach the page with its next frame
        browser.wait_for(IDLE.format(seen))
        browser.evaluate(FRAMES)
        times.append(browser.evaluate("strokes.times.splice(0).pop()"))
    return sorted(times[3:])


def mouse(browser: Browser, kind: str, point: tuple[float, float]) -> None:
    browser.call(
        "Input.dispatchMouseEvent", type=kind, x=point[0], y=point[1], button="left", buttons=1, clickCount=1
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address")
    parser.add_argument("--strokes", type=int, default=20)
    parser.add_argument("--screenshot", type=Path, help="where a picture of the page goes at the end")
    options = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("there is no chromium on PATH")
    with tempfile.TemporaryDirectory() as folder, Browser(Path(folder) / "profile") as browser:
        browser.open(options.address)
        browser.wait_for(IDLE.format(0))
        engine = browser.evaluate("document.getElementById('engine')?.textContent ?? ''")
        size = browser.evaluate("[painter.grid.width, painter.grid.height]")
        browser.evaluate(CLOCK)
        print(f"{engine.strip()}, {size[0]} x {size[1]}")
        for name, moves in (("dabs", 0), ("strokes", MOVES)):
            times = stroke_times(browser, options.strokes, moves)
            print(
                f"{len(times)} {name}: median {statistics.median(times):.0f} ms, least {times[0]:.0f}, "
                f"95 % within {times[int(0.95 * (len(times) - 1))]:.0f}"
            )
        if options.screenshot:
            browser.screenshot(options.screenshot)


if __name__ == "__main__":
    main()
