"""Reading a report back: its figures, tables and addresses."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any


class Page(HTMLParser):
    """A parsed report.

    Attributes:
        figures: caption -> figure as plotly gets it.
        tables: id -> rows of cell texts, the headings first.
        best: texts of cells that are marked as the best.
        addresses: of everything that a browser would load or link to.
        text: all text outside scripts and style.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.figures: dict[str, dict[str, Any]] = {}
        self.tables: dict[str, list[list[str]]] = {}
        self.best: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self._caption = ""
        self._table: list[list[str]] = []
        self.feed(path.read_text(encoding="utf-8"))
        assert not self._open, "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.addresses += [value for name in ("src", "href") if (value := given.get(name))]
        if tag in ("img", "input", "br", "meta", "link"):
            return
        self._open.append((tag, given))
        if tag == "table":
            self._table = self.tables[given.get("id") or f"table {len(self.tables)}"] = []
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if not self._open:
            return
        tag, given = self._open[-1]
        if tag == "script" and "data-figure" in given:
            self.figures[self._caption] = json.loads(data)
        elif tag not in ("script", "style"):
            self.text += data
            cell = next((entry for entry in reversed(self._open) if entry[0] in ("td", "th")), None)
            if tag == "figcaption":
                self._caption = data
            if cell is not None:
                self._table[-1][-1] += data
                if "best" in (cell[1].get("class") or ""):
                    self.best.append(data)


def curves(page: Page) -> dict[tuple[str, str], list[tuple[int, float | None]]]:
    """(caption, name of the curve) -> its points."""
    return {
        (caption, trace["name"]): list(zip(trace["x"], trace["y"], strict=True))
        for caption, figure in page.figures.items()
        for trace in figure["data"]
        if trace["type"] == "scatter"
    }
