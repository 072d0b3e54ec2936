"""The pages of the API: one of every public module, filled by Sphinx from its docstrings."""

from __future__ import annotations

import inspect
from importlib import import_module
from types import ModuleType

OPTIONS = {
    "autoclass": ("   :members:",),
    "autoexception": (),
    "autofunction": (),
    "py:data": (),
}
"""Directives in the order of a page, and their options."""
GROUPS = {
    "Networks and operations": {
        "asap_lightning.condition": "what a generator is asked for",
        "asap_lightning.models": "generators and discriminators",
        "asap_lightning.models.layers": "layers that they share",
        "asap_lightning.ops": "the maths that is fast",
    },
    "Translating": {
        "asap_lightning.inference": "a trained model, called",
        "asap_lightning.video": "videos and frames",
        "asap_lightning.batch": "lists and shards",
        "asap_lightning.export": "models for other programs",
    },
    "Training": {
        "asap_lightning.losses": "objectives",
        "asap_lightning.training": "the LightningModule and what is around it",
        "asap_lightning.training.callbacks": "what a run shows and writes",
    },
    "Data": {
        "asap_lightning.data": "data sets as batches",
        "asap_lightning.data.layouts": "how files lie in folders",
        "asap_lightning.data.demo": "drawn facades",
        "asap_lightning.segments": "SIMS's memory bank",
    },
    "Measuring": {
        "asap_lightning.evaluation": "a model's figures",
        "asap_lightning.metrics": "metrics and their declarations",
    },
    "The rest": {
        "asap_lightning.registry": "what a file may name",
        "asap_lightning.errors": "a user's mistakes",
    },
}


def modules() -> list[str]:
    """Names of all documented modules."""
    return [name for group in GROUPS.values() for name in group]


def overview() -> str:
    """The first page of the reference."""
    lines = [
        *("API reference", "=============", ""),
        "Made from the docstrings. Examples of all parts: :doc:`../python-api`.",
        "Names below are public; everything else may change in any version.",
        "",
    ]
    for title, group in GROUPS.items():
        lines += [title, "-" * len(title), ""]
        lines += [f"* :doc:`{name}`: {what}" for name, what in group.items()]
        lines += ["", ".. toctree::", "   :hidden:", "", *(f"   {name}" for name in group), ""]
    return "\n".join(lines)


def page(name: str) -> str:
    """One module's page: its docstring, then everything that it exports."""
    module = import_module(name)
    title = name.removeprefix("asap_lightning.")
    lines = [title, "=" * len(title), "", f"``{name}``", "", f".. automodule:: {name}", ""]
    for member in exported(module):
        kind = kind_of(getattr(module, member))
        full = member if kind == "py:data" else f"{name}.{member}"  # it stands in the module's scope
        lines += [f".. {kind}:: {full}", *OPTIONS[kind], *more(getattr(module, member)), ""]
    return "\n".join(lines)


def more(value: object) -> tuple[str, ...]:
    """Options that depend on what it is: bases where there are any, the type of data."""
    if inspect.isclass(value):
        return ("   :show-inheritance:",) if value.__bases__ != (object,) else ()
    return () if inspect.isroutine(value) else (f"   :type: {type(value).__name__}",)


def exported(module: ModuleType) -> list[str]:
    """Names of ``__all__``, or else what the module itself defines; functions last."""
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    names = sorted(getattr(module, "__all__", own), key=str.lower)
    return sorted(names, key=lambda name: list(OPTIONS).index(kind_of(getattr(module, name))))


def kind_of(value: object) -> str:
    """Sphinx's directive that describes it."""
    if inspect.isclass(value):
        return "autoexception" if issubclass(value, BaseException) else "autoclass"
    return "autofunction" if inspect.isroutine(value) else "py:data"
