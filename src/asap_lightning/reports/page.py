"""One HTML file with everything in it: style, script, plotly, figures, pictures."""

from __future__ import annotations

import datetime
import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from asap_lightning import __version__
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.reports.markup import Html, chip, escaped, join, tag

if TYPE_CHECKING:
    import plotly.graph_objects as go


def require_plotly() -> None:
    """Raises a `UserError` where plotly is not installed."""
    try:
        import plotly  # noqa: F401
    except ImportError as error:
        raise UserError(
            "HTML reports are drawn with plotly, which is not installed: "
            "pip install 'asap-lightning[reports]'"
        ) from error


class Page:
    """A report that opens without server and network, light or dark as the reader's system is.

    Args:
        title: of the page.
        lead: one line below it.
    """

    def __init__(self, title: str, lead: str = "") -> None:
        self.title = title
        self.lead = lead
        self._sections: list[tuple[str, Html]] = []
        self._figures: list[str] = []

    def section(self, heading: str, *blocks: object) -> None:
        """Adds a heading with what belongs under it; nothing if there is nothing."""
        if any(blocks):
            self._sections.append((heading, join(blocks)))

    def figure(
        self, figure: go.Figure, title: str, *, legend: bool = False, wide: bool = False, height: int = 300
    ) -> Html:
        """A plotly figure under its title; the page's script draws it.

        Args:
            figure: the figure.
            title: above it.
            legend: names of its curves below the title; a click hides or shows one.
            wide: as wide as the page.
            height: in pixels.
        """
        figure.update_layout(height=height, template="none")
        name = f"figure-{len(self._figures) + 1}"
        # "</" would end the script element in the middle of a text.
        content = figure.to_json().replace("</", "<\\/")
        self._figures.append(name)
        return tag(
            "figure",
            tag("figcaption", title),
            _legend(figure, name) if legend else Html(""),
            tag("div", id=name, class_="plot", style=f"height: {height}px"),
            tag("script", Html(content), type="application/json", data_figure=name),
            class_="wide-figure" if wide else "narrow-figure",
        )

    def write(self, path: str | Path) -> None:
        """Writes the file atomically."""
        with atomic_write(path, "w") as file:
            file.write(self._html())

    def _html(self) -> str:
        anchors = [re.sub(r"\W+", "-", heading.lower()).strip("-") for heading, _ in self._sections]
        links = [
            tag("a", heading, href=f"#{anchor}")
            for anchor, (heading, _) in zip(anchors, self._sections, strict=True)
        ]
        body = join(
            tag("section", tag("h2", heading), content, id=anchor)
            for anchor, (heading, content) in zip(anchors, self._sections, strict=True)
        )
        made = f"asap-lightning {__version__}, {datetime.datetime.now():%Y-%m-%d %H:%M}"
        header = tag(
            "header",
            tag("h1", self.title),
            tag("p", self.lead, class_="lead") if self.lead else Html(""),
            tag("nav", *links, tag("button", "light / dark", id="theme", type="button")),
        )
        return (
            "<!DOCTYPE html>\n"
            '<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escaped(self.title)}</title>"
            '<link rel="icon" href="data:,">'
            f"<style>{_asset('page.css')}</style></head>\n<body>"
            f"{header}<main>{body}</main>{tag('footer', made)}\n"
            f"{self._scripts()}</body></html>\n"
        )

    def _scripts(self) -> str:
        plotly = ""
        if self._figures:
            from plotly.offline import get_plotlyjs

            plotly = f"<script>{get_plotlyjs()}</script>\n"
        return f"{plotly}<script>{_asset('page.js')}</script>"


def _legend(figure: go.Figure, name: str) -> Html:
    buttons = [
        chip(trace.name, trace.line.color, "button", type="button", data_curve=trace.name)
        for trace in figure.data
    ]
    return tag("div", *buttons, class_="legend", data_of=name)


def _asset(name: str) -> str:
    return (resources.files("asap_lightning.reports") / "assets" / name).read_text(encoding="utf-8")
