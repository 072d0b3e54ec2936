"""What dashboards name, found in their JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def panels_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels of a serialised workspace or report."""
    return [node for node in _nodes(spec) if "viewType" in node]


def named(panels: list[dict[str, Any]]) -> dict[str, set[str]]:
    """What panels ask of runs: keys of the history, patterns of such keys, of the summary, of the config."""
    found: dict[str, set[str]] = {"history": set(), "patterns": set(), "summary": set(), "config": set()}
    for panel in panels:
        config, kind = panel["config"], panel["viewType"]
        if kind == "Run History Line Plot":
            found["history"] |= {*config["metrics"], config["xAxis"]}
            found["patterns"] |= {config["metricRegex"]} if "metricRegex" in config else set()
        elif kind == "Media Browser":
            found["history"] |= set(config["mediaKeys"])
        elif kind == "Weave":
            (table,) = {node["key"]["val"] for node in _nodes(config) if "key" in node and "obj" in node}
            found["history"].add(table)
        elif kind == "Bar Chart":
            found["summary"] |= set(config["metrics"])
        elif kind == "Parameter Importance":
            found["summary"].add(config["targetKey"])
        elif kind in ("Scatter Plot", "Parallel Coordinates Plot"):
            accessors = [column["accessor"] for column in config.get("columns", [])]
            for accessor in [*accessors, *(config[axis] for axis in ("xAxis", "yAxis") if axis in config)]:
                section, _, name = accessor.partition(":")
                found[section].add(name)
        else:
            assert kind == "Run Comparer", kind
    return found


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from _nodes(child)
