"""Pieces of HTML. Every function escapes the texts it is given and returns HTML."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence

from asap_lightning.metrics import declaration_of


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(content: object) -> Html:
    """HTML as it is, anything else as text."""
    return content if isinstance(content, Html) else Html(html.escape(str(content)))


def tag(name: str, *content: object, **attributes: object) -> Html:
    """An element; ``class_`` becomes ``class``, ``data_x`` becomes ``data-x``, True a bare attribute."""
    written = "".join(_attribute(key, value) for key, value in attributes.items() if value is not False)
    inner = "".join(escaped(part) for part in content)
    return Html(
        f"<{name}{written}>" if name in ("img", "input", "br") else f"<{name}{written}>{inner}</{name}>"
    )


def _attribute(key: str, value: object) -> str:
    key = key.rstrip("_").replace("_", "-")
    return f" {key}" if value is True else f' {key}="{html.escape(str(value))}"'


def join(parts: Iterable[object]) -> Html:
    """The parts, one after the other."""
    return Html("".join(escaped(part) for part in parts))


def table(headings: Sequence[object], rows: Iterable[Sequence[object] | Html], **attributes: object) -> Html:
    """A table; a row from `row`, or a cell that is an element ``<td>``, is taken as it is.

    Args:
        headings: of the columns.
        rows: the cells of each row.
        attributes: of the table element.
    """
    head = tag("thead", tag("tr", *(tag("th", heading) for heading in headings)))
    body = tag("tbody", *(cells if isinstance(cells, Html) else row(cells) for cells in rows))
    return tag("div", tag("table", head, body, **attributes), class_="wide")


def row(cells: Sequence[object], **attributes: object) -> Html:
    """A row of a table."""
    return tag("tr", *(_cell(cell) for cell in cells), **attributes)


def figure_cell(value: float | None, *, best: bool = False) -> Html:
    """A cell with a number, bold if it is the best of its column."""
    return tag("td", number(value), class_="number best" if best else "number")


def metric_cell(name: str, value: float | None, best: float | None) -> Html:
    """A cell with a metric's value in the unit of its title, bold if it is the best one."""
    declared = declaration_of(name)
    scaled = value if value is None or declared is None or declared.scale == 1 else value * declared.scale
    return figure_cell(scaled, best=value is not None and value == best)


def _cell(content: object) -> Html:
    if isinstance(content, Html) and content.startswith("<td"):
        return content
    return tag("td", content)


def facts(pairs: Mapping[str, object]) -> Html:
    """Names and values, one a line."""
    rows = (tag("tr", tag("th", name, scope="row"), _cell(value)) for name, value in pairs.items())
    return tag("div", tag("table", tag("tbody", *rows), class_="facts"), class_="wide")


def folded(summary: str, *content: object) -> Html:
    """Something that is shown after a click."""
    return tag("details", tag("summary", summary), *content)


def chip(name: str, colour: str, element: str = "span", **attributes: object) -> Html:
    """A name beside a patch of its colour."""
    return tag(element, tag("i", style=f"background: {colour}"), name, class_="chip", **attributes)


def number(value: float | None, digits: int = 4) -> str:
    """Four significant digits; a dash for nothing, the word for what is not finite."""
    if value is None:
        return "–"
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e6):
        return f"{int(value):,}".replace(",", " ")
    return f"{value:.{digits}g}"


def duration(seconds: float | None) -> str:
    """Hours, minutes, seconds."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
