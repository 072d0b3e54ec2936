"""The data set that a checkpoint was trained on, built from what the file says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asap_lightning.building import build
from asap_lightning.composing.settings import SETTINGS as OF_CANVASES
from asap_lightning.composing.settings import canvases_of
from asap_lightning.data import PairedData

FOR_EVALUATION = (
    "_target_",
    "root",
    "layout",
    "height",
    "width",
    "mode",
    "load_height",
    "load_width",
    "eval_mode",
    "odd_size",
    "instance_edges",
    "batch_size",
    "eval_batch_size",
    "limit_train",
    "limit_val",
    "limit_test",
    "num_workers",
)
"""What is taken from a file. Not: what would make a data set or augment it."""
TRAINED = "asap_lightning.data.PairedDataModule"
OWN_TO_A_MACHINE = ("cache", "cache_gb")
"""Of a layout: where copies of far-away shards are kept and how many, which decides what is deleted there."""


def training_data(
    stored: Mapping[str, Any], given: Mapping[str, Any] | None = None, place: str = "the checkpoint"
) -> PairedData:
    """The data module that the file's ``data`` describes, with other values where some are given.

    Every text in the file is taken as it stands: nothing in it is an interpolation.

    Args:
        stored: ``data`` of the training's configuration, as it was read.
        given: values that win over it; whoever calls answers for them.
        place: where ``stored`` was read, for messages.

    Raises:
        UserError: it names what no data set is made of, or values that are refused.
    """
    given = dict(given or {})
    wanted = {key: given.pop(key, stored.get(key)) for key in OF_CANVASES}
    if (canvases := canvases_of(wanted)) is not None:
        given["canvases"] = canvases
    node = {key: stored[key] for key in FOR_EVALUATION if key in stored and key not in given}
    layout = node.get("layout")
    if isinstance(layout, Mapping):
        node["layout"] = {key: value for key, value in layout.items() if key not in OWN_TO_A_MACHINE}
    if node.get("_target_") == TRAINED:
        node["_target_"] = "asap_lightning.data.PairedData"  # the same without Lightning, which takes seconds
    made: PairedData = build(node, "data", f"{place}: data", **given)
    return made
