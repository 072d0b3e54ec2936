"""Segmenters from the files that their authors published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from asap_lightning.errors import UserError
from asap_lightning.interop.inferred import InferredNetwork, Options, State
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.state_dicts import state_of, strangers_weights
from asap_lightning.interop.systems import segmenters as systems
from asap_lightning.models.described import fill
from asap_lightning.models.segmenters import Fcn8s
from asap_lightning.models.segmenters.published import PUBLISHED
from asap_lightning.models.segmenters.segmenter import Segmenter
from asap_lightning.untrusted import load_caffe, load_torch


def load_segmenter(name: str, weights: Path | None = None) -> Segmenter:
    """A segmenter of `PUBLISHED` with its weights, never random ones.

    Args:
        name: its key.
        weights: its file; of UPerNet the encoder's, or the folder of both; None looks in torch's cache.

    Raises:
        UserError: a file is missing, unreadable, of another network, or of another number of classes.
    """
    published = PUBLISHED[name]
    paths = published_files(name, weights)
    network, classes = _LOADERS[name](paths)
    if classes != published.classes:
        published = replace(published, classes=classes, title=f"{published.title}, {classes} classes")
    return published.segmenter(network)


def published_files(name: str, weights: Path | None = None) -> tuple[Path, ...]:
    """The files that `load_segmenter` reads, whether they are there or not."""
    published = PUBLISHED[name]
    if weights is None:
        return published.default_paths
    if len(published.files) == 1:
        return (weights / published.files[0],) if weights.is_dir() else (weights,)
    if weights.is_dir():
        return tuple(weights / file for file in published.files)
    decoder = weights.with_name(weights.name.replace("encoder", "decoder"))
    if decoder == weights:
        raise UserError(
            f"{weights}: {published.title} is published as two files; name the folder that holds "
            f"{' and '.join(published.files)}, or the file of the encoder"
        )
    return weights, decoder


def _from_state(
    title: str,
    infer: Callable[[State, Options], InferredNetwork],
    names: Callable[[Any], NameMap],
    state: State,
    place: Path,
) -> tuple[nn.Module, int]:
    with strangers_weights(place, title):
        try:
            description = infer(state, {})
        except UserError as error:
            raise UserError(f"{place}: {error}") from error
        network = description.sketch(state)
        names(network).load(network, state, str(place))
    return network, int(description.arguments["classes"])


def _drn(paths: Sequence[Path]) -> tuple[nn.Module, int]:
    state = state_of(load_torch(paths[0]), paths[0])
    return _from_state(systems.DRN, systems.infer_drn, systems.drn_names, state, paths[0])


def _deeplab(paths: Sequence[Path]) -> tuple[nn.Module, int]:
    state = state_of(load_torch(paths[0]), paths[0])
    return _from_state(systems.DEEPLAB, systems.infer_deeplab, systems.deeplab_names, state, paths[0])


def _upernet(paths: Sequence[Path]) -> tuple[nn.Module, int]:
    state = {
        f"{part}.{name}": tensor
        for part, path in zip(("encoder", "decoder"), paths, strict=True)
        for name, tensor in state_of(load_torch(path), path).items()
    }
    return _from_state(systems.UPERNET, systems.infer_upernet, systems.upernet_names, state, paths[0])


def _fcn(paths: Sequence[Path]) -> tuple[nn.Module, int]:
    path = paths[0]
    layers = load_caffe(path)
    with strangers_weights(path, systems.FCN):
        try:
            description = systems.infer_fcn(layers)
            network = description.sketch({layer.name: layer.blobs[0] for layer in layers})
            assert isinstance(network, Fcn8s)
            fill(network, systems.fcn_state(network, layers), str(path))
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
    return network, int(description.arguments["classes"])


_LOADERS: dict[str, Callable[[Sequence[Path]], tuple[nn.Module, int]]] = {
    "drn_d_105": _drn,
    "deeplabv2": _deeplab,
    "upernet101": _upernet,
    "fcn8s": _fcn,
}
