"""What a generator is given: the condition, and the description of its kind.

The lowest floor of the house: data sets make conditions, networks consume them, and neither needs
to know the other.

Axes: B batch, C channels, H height, W width, N label channels, Z style dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from asap_lightning.building import require_plain, shown
from asap_lightning.errors import UserError

ConditionKind = Literal["label", "image", "depth"]
NO_CANVAS = (
    "this model completes a canvas of pieces from a memory bank, and no bank is given: make one of the "
    "training pairs with asap data segments, then give data.bank=BANK (training, evaluation) or bank=BANK "
    "(asap predict, serve, video); in Python, canvas= or composer of a Translator"
)
MOST_CLASSES = 65_536
"""As many ids as 16 bits tell apart; also the most channels of a continuous condition."""


@dataclass(frozen=True)
class ConditionSpec:
    """Describes every condition of a data set; saved in checkpoints.

    Attributes:
        kind: ``label`` (a map of class ids), ``image`` (RGB or grey) or ``depth``.
        num_classes: number of classes of a label map, without the unknown class.
        has_unknown: whether id 255 in the files stands for 'unknown'; it becomes the last channel.
        channels: channels of a continuous condition (3 RGB, 1 grey or depth); 0 for labels.
        instance_edges: whether an instance map travels along and its edges feed the networks.
        class_names: names of the classes for tables and legends; may be empty.
    """

    kind: ConditionKind = "label"
    num_classes: int = 0
    has_unknown: bool = False
    channels: int = 0
    instance_edges: bool = False
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_names", tuple(self.class_names))
        if self.kind == "label" and self.num_classes < 1:
            raise ValueError(f"a label condition needs num_classes >= 1, got {self.num_classes}")
        if self.kind != "label" and self.channels < 1:
            raise ValueError(f"a {self.kind} condition needs channels >= 1, got {self.channels}")

    @property
    def label_channels(self) -> int:
        """Number of one-hot channels N: the classes and, if there is one, the unknown class."""
        return self.num_classes + int(self.has_unknown) if self.kind == "label" else 0

    @property
    def channel_names(self) -> list[str]:
        """One name a label channel; made ones for classes that the data set does not name."""
        made = (f"class {index}" for index in range(len(self.class_names), self.num_classes))
        return [*self.class_names[: self.num_classes], *made, *["unknown"] * self.has_unknown]

    @property
    def planes(self) -> int:
        """Channels of the condition as the pixelwise stream sees it: without instance edges."""
        return self.label_channels if self.kind == "label" else self.channels

    @property
    def dense_channels(self) -> int:
        """Channels of `encode`: planes and, if there are instance maps, their edges."""
        return self.planes + int(self.instance_edges)

    def as_dict(self) -> dict[str, Any]:
        """Plain containers only, so that a checkpoint loads with ``weights_only=True``."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**values, "class_names": list(self.class_names)}

    @classmethod
    def from_dict(cls, values: Any, place: str = "spec") -> ConditionSpec:
        """The inverse of `as_dict`, for values that a file holds.

        Args:
            values: what was read.
            place: where, for messages.

        Raises:
            UserError: an unknown field, a value of another type, or out of range.
        """
        require_plain(values, place)
        if not isinstance(values, Mapping):
            raise UserError(f"{place} is {shown(values)}; a mapping was expected")
        for name, value in values.items():
            if name not in _FIELDS:
                raise UserError(f"{place} has the unknown field {shown(name)}; known: {', '.join(_FIELDS)}")
            allowed, expected = _FIELDS[name]
            if not allowed(value):
                raise UserError(f"{place}.{name} is {shown(value)}; {expected} was expected")
        try:
            return cls(**values)
        except ValueError as error:
            raise UserError(f"{place}: {error}") from error

    def encode(self, condition: Condition, dtype: torch.dtype = torch.float32) -> Tensor:
        """The condition as dense planes (B, dense_channels, H, W): one-hot or image, then edges."""
        planes = [self.encode_planes(condition, dtype)]
        if self.instance_edges:
            planes.append(instance_edges(condition.require_instance()).to(dtype))
        return torch.cat(planes, dim=1) if len(planes) > 1 else planes[0]

    def encode_planes(self, condition: Condition, dtype: torch.dtype = torch.float32) -> Tensor:
        """The condition without instance edges (B, planes, H, W)."""
        if self.kind != "label":
            if condition.image is None:
                raise ValueError(f"this model expects a continuous {self.kind} condition, got labels")
            return condition.image.to(dtype)
        label = condition.require_label()
        if label.is_floating_point() or label.dtype == torch.bool:
            raise TypeError(f"a label map holds integer class ids, got {label.dtype}")
        b, h, w = label.shape
        planes = torch.zeros(b, self.label_channels, h, w, dtype=dtype, device=label.device)
        return planes.scatter_(1, label.long().unsqueeze(1), 1.0)


def _is_flag(value: Any) -> bool:
    return type(value) is bool


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST_CLASSES


def _are_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(type(name) is str for name in value)


_COUNT = f"a whole number from 0 to {MOST_CLASSES}"
_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "kind": (lambda value: value in get_args(ConditionKind), "label, image or depth"),
    "num_classes": (_is_count, _COUNT),
    "has_unknown": (_is_flag, "true or false"),
    "channels": (_is_count, _COUNT),
    "instance_edges": (_is_flag, "true or false"),
    "class_names": (_are_names, "a list of texts"),
}
"""What a file may hold for each field of a spec, and how that is said."""


@dataclass
class Condition:
    """What a generator is called with.

    Attributes:
        label: (B, H, W), any integer dtype, class ids in [0, label_channels); the unknown class
            is already mapped to the last channel.
        image: (B, C, H, W) float in [-1, 1]: an RGB, grey or depth condition.
        instance: (B, H, W), any integer dtype: instance ids; only their borders matter.
        style: (B, Z) float: a style code, for generators that take one; (B, Z, H, W) for those whose
            code differs from instance to instance (pix2pixHD).
        guide: (B, 3, H, W) in [-1, 1]: a photo whose style is to be taken, for generators with an encoder;
            in training it is the target itself, or an exemplar (`data.exemplar`).
        guide_condition: the guide's own label map (B, H, W) or image (B, C, H, W), for generators that match
            the guide with the condition (CoCosNet); of the kind of the condition itself.
        canvas: (B, 4, H, W) float: pieces of photos laid out as the condition says, RGB in [-1, 1], then 1
            where there is a piece; where there is none all four are 0. For generators that complete it.
    """

    label: Tensor | None = None
    image: Tensor | None = None
    instance: Tensor | None = None
    style: Tensor | None = None
    guide: Tensor | None = None
    guide_condition: Tensor | None = None
    canvas: Tensor | None = None

    def __post_init__(self) -> None:
        if self.label is None and self.image is None:
            raise ValueError("a condition holds a label map or an image; both are missing")

    def require_label(self) -> Tensor:
        """The label map; an error if there is none."""
        if self.label is None:
            raise ValueError("this model expects a label map, got a continuous condition")
        return self.label

    def require_instance(self) -> Tensor:
        """The instance map; an error if there is none."""
        if self.instance is None:
            raise ValueError(
                "this model uses instance edges, but the condition has no instance map; "
                "give one or train with data.instance_edges=false"
            )
        return self.instance

    def require_canvas(self) -> Tensor:
        """The canvas; a `UserError` if there is none, as a memory bank is what the user has to give."""
        if self.canvas is None:
            raise UserError(NO_CANVAS)
        return self.canvas

    def of_guide(self) -> Condition:
        """The guide's own condition; an error if guide or condition are missing."""
        if self.guide is None or self.guide_condition is None:
            missing = "an exemplar" if self.guide is None else "the exemplar's own condition"
            raise ValueError(f"this model matches an exemplar with the condition, but {missing} is missing")
        if self.label is not None:
            return Condition(label=self.guide_condition)
        return Condition(image=self.guide_condition)

    @property
    def _main(self) -> Tensor:
        main = self.label if self.label is not None else self.image
        assert main is not None
        return main

    @property
    def batch_size(self) -> int:
        return self._main.shape[0]

    @property
    def height(self) -> int:
        return self._main.shape[-2]

    @property
    def width(self) -> int:
        return self._main.shape[-1]

    @property
    def device(self) -> torch.device:
        return self._main.device

    def map(self, function: Any) -> Condition:
        """A copy with ``function`` applied to every tensor that is present."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: function(v) for k, v in tensors.items() if v is not None})

    @classmethod
    def joined(cls, conditions: Sequence[Condition]) -> Condition:
        """One batch of several, of one size and kind."""
        present = [f.name for f in fields(cls) if getattr(conditions[0], f.name) is not None]
        return cls(**{name: torch.cat([getattr(one, name) for one in conditions]) for name in present})

    def to(self, *args: Any, **kwargs: Any) -> Condition:
        """As `Tensor.to`, for a device; integer maps keep their dtype."""
        return self.map(lambda tensor: tensor.to(*args, **kwargs))

    def pin_memory(self) -> Condition:
        return self.map(lambda tensor: tensor.pin_memory())


def instance_edges(instance: Tensor) -> Tensor:
    """Instance borders: 1 where a pixel differs from its left, right, upper or lower neighbour.

    Args:
        instance: (B, H, W), any integer dtype.

    Returns:
        (B, 1, H, W) bool (ASAP-Net section 3; as pix2pixHD's `get_edges`).
    """
    edges = torch.zeros_like(instance, dtype=torch.bool)
    across = instance[..., :, 1:] != instance[..., :, :-1]
    down = instance[..., 1:, :] != instance[..., :-1, :]
    edges[..., :, 1:] |= across
    edges[..., :, :-1] |= across
    edges[..., 1:, :] |= down
    edges[..., :-1, :] |= down
    return edges.unsqueeze(1)
