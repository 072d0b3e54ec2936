"""Plotly figures, without colours of paper and text: the page's script sets those, light or dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from asap_lightning.metrics import METRICS
from asap_lightning.reports.series import Series

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Told apart by people with the usual colour blindnesses, and visible on white and on near-black.
COLOURS = (
    *("#3b82d6", "#e0762f", "#22a07a", "#c65fb0", "#b59a1c"),
    *("#7a6fe0", "#d64a5b", "#35a9c4", "#8a8f98", "#7aa83a"),
)
BAD_TO_GOOD = [[0, "#3b82d6"], [0.5, "#8a8f98"], [1, "#e0762f"]]
FEW_POINTS = 30


def colour(index: int) -> str:
    """The colour of the n-th curve or run."""
    return COLOURS[index % len(COLOURS)]


def curves(series: Sequence[tuple[str, Series]], *, colours: Sequence[str] | None = None) -> go.Figure:
    """Curves over generator updates; those of more than 30 points are smoothed by the page.

    Args:
        series: names and curves.
        colours: of the curves, by default the palette's in order.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for index, (name, one) in enumerate(series):
        few = len(one.steps) <= FEW_POINTS
        figure.add_scatter(
            x=one.steps,
            y=one.values,
            name=name,
            mode="lines+markers" if few else "lines",
            marker={"size": 5},
            line={"color": colours[index] if colours else colour(index), "width": 1.8},
            meta={"smooth": not few},
            hovertemplate="%{y:.5g}",
        )
    figure.update_layout(
        margin={"l": 56, "r": 36, "t": 8, "b": 40},
        hovermode="x unified",
        showlegend=False,
        xaxis={"title": {"text": "generator updates"}, "rangemode": "tozero"},
        yaxis={"automargin": True, **_range_of_a_constant([one for _, one in series])},
    )
    return figure


def _range_of_a_constant(series: Sequence[Series]) -> dict[str, Any]:
    """Plotly would show a constant 0.0002 between -1 and 1."""
    values = {value for one in series for value in one.values if value is not None}
    if len(values) != 1 or values == {0.0}:
        return {}
    (value,) = values
    return {"range": sorted((0.0, 1.2 * value))}


Point = tuple[str, float, float]
"""Name of a job, milliseconds an image, quality."""


def latency_and_quality(others: Sequence[Point], front: Sequence[Point], quality: str) -> go.Figure:
    """Jobs by latency and quality, the Pareto front as a line through its jobs.

    Args:
        others: the jobs that are not on the front.
        front: the front's jobs, the fastest first.
        quality: heading of the vertical axis.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for name, shown, mode, mark, size in (
        ("Pareto front", front, "lines+markers", colour(2), 11),
        ("other jobs", others, "markers", colour(8), 9),
    ):
        figure.add_scatter(
            x=[latency for _, latency, _ in shown],
            y=[value for _, _, value in shown],
            text=[job for job, _, _ in shown],
            name=name,
            mode=mode,
            marker={"color": mark, "size": size},
            line={"color": mark, "width": 2},
            hovertemplate="%{text}<br>%{x:.3g} ms, " + quality + " %{y:.4g}<extra></extra>",
        )
    figure.update_layout(
        margin={"l": 56, "r": 36, "t": 8, "b": 44},
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        xaxis={"title": {"text": METRICS["latency_ms"].title}},
        yaxis={"title": {"text": quality}, "automargin": True},
    )
    return figure


def parallel_coordinates(
    axes: Mapping[str, Sequence[Any]],
    by: Sequence[float],
    rows: Sequence[str],
    *,
    good_is_high: bool,
    settings: Sequence[str],
) -> go.Figure:
    """One line a job through all axes; ranges can be brushed.

    Args:
        axes: heading -> values of all jobs.
        by: the values that colour the lines.
        rows: names of the jobs, kept for the page's script.
        good_is_high: whether a larger value of ``by`` is better; the better, the more orange.
        settings: headings of axes whose values stand at equal distances, in their order, as they were typed.
    """
    import plotly.graph_objects as go

    trace = go.Parcoords(
        dimensions=[_dimension(name, values, name in settings) for name, values in axes.items()],
        line={"color": list(by), "colorscale": BAD_TO_GOOD, "reversescale": not good_is_high},
        labelside="top",
    )
    figure = go.Figure(trace)
    figure.update_layout(margin={"l": 70, "r": 70, "t": 60, "b": 30}, meta={"rows": list(rows)})
    return figure


def _dimension(name: str, values: Sequence[Any], is_setting: bool) -> dict[str, Any]:
    if not is_setting:
        return {"label": name, "values": list(values), "tickformat": ".4~g"}
    kinds = list(dict.fromkeys(values))
    places = [kinds.index(value) for value in values]
    return {
        "label": name,
        "values": places,
        "tickvals": list(range(len(kinds))),
        "ticktext": [str(kind) for kind in kinds],
        "range": [0, len(kinds) - 1] if len(kinds) > 1 else [-1, 1],
    }
