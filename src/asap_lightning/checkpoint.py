"""Checkpoint files: what they carry, and how they are read.

A checkpoint is Lightning's dictionary plus the entry ``asap_lightning`` that describes the networks in plain
data, so that the file alone rebuilds the model; it holds nothing but plain data and tensors.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from asap_lightning import __version__
from asap_lightning.building import require_plain, shown
from asap_lightning.errors import UserError
from asap_lightning.registry import LARGEST_SIDE
from asap_lightning.untrusted import is_safetensors, load_safetensors, load_torch, parse_json

ENTRY = "asap_lightning"
FORMAT = 1
PREFIXES = {"ema": "ema_generator.", "raw": "generator."}
"""What stands before the names of a generator's weights: of the averaged ones, of those that were trained."""
WEIGHTS = "weights"
"""What a model file calls them in its metadata: one of `PREFIXES`."""
Value = TypeVar("Value", int, dict)


@dataclass(frozen=True)
class ModelDescription:
    """Plain data from which the networks of a checkpoint are built again.

    Attributes:
        spec: `ConditionSpec.as_dict()`.
        generator: ``{_target_: .., arguments}`` without the spec.
        discriminator: likewise; None where there is none.
        config: the resolved configuration of the run, for people.
    """

    spec: dict[str, Any]
    generator: dict[str, Any]
    discriminator: dict[str, Any] | None = None
    config: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The entry that goes into the file."""
        return {
            "format": FORMAT,
            "version": __version__,
            "spec": self.spec,
            "generator": self.generator,
            "discriminator": self.discriminator,
            "config": self.config,
        }

    @classmethod
    def from_checkpoint(
        cls, checkpoint: Mapping[str, Any], source: str | os.PathLike[str]
    ) -> ModelDescription:
        """Reads the entry of a loaded checkpoint; all of it is plain data, whose texts stay as they are.

        Raises:
            UserError: the file is not one of ours, of a newer format, or its entry is malformed.
        """
        entry = checkpoint.get(ENTRY) if isinstance(checkpoint, Mapping) else None
        if not isinstance(entry, Mapping):
            raise UserError(
                f"{source} is not a checkpoint of this program: it has no '{ENTRY}' entry; expected a file "
                "that 'asap train' wrote (for a file of another program see 'asap import --help')"
            )
        require_plain(entry, f"{source}: {ENTRY}")
        if _entry(entry, "format", int, source) > FORMAT:
            raise UserError(
                f"{source} was written in checkpoint format {entry['format']} by version "
                f"{shown(entry.get('version'))}; this version reads format {FORMAT}: upgrade asap-lightning"
            )
        judge = entry.get("discriminator")
        return cls(
            spec=_entry(entry, "spec", dict, source),
            generator=_entry(entry, "generator", dict, source),
            discriminator=None if judge is None else _entry(entry, "discriminator", dict, source),
            config=_entry(entry, "config", dict, source),
        )

    @property
    def data(self) -> dict[str, Any]:
        """``data`` of the run's configuration; empty where the file does not say."""
        found = self.config.get("data")
        return found if isinstance(found, dict) else {}

    @property
    def layout(self) -> dict[str, Any] | None:
        """``data.layout`` of the run's configuration."""
        found = self.data.get("layout")
        return found if isinstance(found, dict) else None

    @property
    def training_size(self) -> tuple[int, int]:
        """Height and width of the training's images; 256 where the file does not say."""
        sides = [self.data.get(name, 256) for name in ("height", "width")]
        for side in sides:
            if type(side) is not int or not 0 < side <= LARGEST_SIDE:
                raise UserError(
                    f"the checkpoint's data.height is {shown(sides[0])}, its width {shown(sides[1])}; "
                    f"numbers of pixels up to {LARGEST_SIDE} were expected"
                )
        return sides[0], sides[1]

    def differences(self, other: ModelDescription) -> list[str]:
        """Lines 'key: here, there' for every setting of the networks that differs."""
        lines = []
        for part in ("spec", "generator", "discriminator"):
            mine, theirs = _flat(getattr(self, part), part), _flat(getattr(other, part), part)
            for key in sorted(mine.keys() | theirs.keys()):
                if mine.get(key) != theirs.get(key):
                    lines.append(
                        f"{key}: {mine.get(key, 'absent')} here, {theirs.get(key, 'absent')} in the file"
                    )
        return lines


def _entry(entry: Mapping[str, Any], key: str, kind: type[Value], source: str | os.PathLike[str]) -> Value:
    value = entry.get(key)
    if type(value) is not kind:
        raise UserError(
            f"{source}: {ENTRY}.{key} is {shown(value)}; a {kind.__name__} was expected: the file is damaged"
        )
    return value


def state_of(checkpoint: Mapping[str, Any], source: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The weights in a loaded checkpoint.

    Raises:
        UserError: there are none, or something else is among them.
    """
    state = checkpoint.get("state_dict")
    if not isinstance(state, Mapping):
        raise UserError(f"{source}: state_dict is {shown(state)}; a mapping of names to tensors was expected")
    for name, tensor in state.items():
        if type(name) is not str or not isinstance(tensor, Tensor):
            raise UserError(
                f"{source}: state_dict holds {shown(tensor)} as {shown(name)}; tensors were expected"
            )
    return dict(state)


def _flat(node: Any, prefix: str) -> dict[str, Any]:
    if isinstance(node, Mapping):
        flat: dict[str, Any] = {}
        for key, value in node.items():
            flat |= _flat(value, f"{prefix}.{key}")
        return flat
    return {prefix: list(node) if isinstance(node, tuple) else node}


def read_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The plain data and CPU tensors of a checkpoint file; nothing from it is run.

    Of a model file (see `model_file`) the entry that describes it, and ``state_dict``.

    Raises:
        UserError: missing, damaged, another kind of file, or holding other Python objects.
    """
    if not Path(path).is_file():
        raise UserError(f"there is no checkpoint {path}")
    if is_safetensors(Path(path)):
        return _read_model(Path(path))
    checkpoint = load_torch(Path(path))
    if not isinstance(checkpoint, dict):
        raise UserError(f"{path} is not a checkpoint: it holds a {type(checkpoint).__name__}")
    return checkpoint


def _read_model(path: Path) -> dict[str, Any]:
    texts, tensors = load_safetensors(path)
    kind, entry = texts.get(WEIGHTS), texts.get(ENTRY)
    if entry is None or kind not in PREFIXES:
        raise UserError(
            f"{path} holds {len(tensors)} tensors, but does not say of which network: its metadata has no "
            f"'{ENTRY}'. A file that 'asap export format=safetensors' wrote was expected (for weights of "
            "another program see 'asap import --help')"
        )
    state = {PREFIXES[kind] + name: tensor for name, tensor in tensors.items()}
    return {ENTRY: parse_json(entry, f"{path}: {ENTRY}"), "state_dict": state}
