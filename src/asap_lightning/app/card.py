"""What a page learns of a model, from the server or from the file beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asap_lightning import __version__
from asap_lightning.app.colours import ClassColours
from asap_lightning.condition import ConditionSpec
from asap_lightning.inference.conditions import depth_range, training_layout
from asap_lightning.inference.translator import Translator


@dataclass(frozen=True)
class DepthUnits:
    """How depth files are read.

    Attributes:
        unit: metres that the value 1 of a file stands for.
        nearest, farthest: metres that become -1 and 1.
    """

    unit: float
    nearest: float
    farthest: float


@dataclass(frozen=True)
class ModelCard:
    """A model, as a painter sees it.

    Attributes:
        title: its name.
        generator: class of the network.
        spec: what it translates.
        classes: of a label model.
        depth: units of a depth model.
        size_multiple, minimum_size: what sides are extended to, by repeating the border.
        training_size: height and width of the training's images.
        guide: whether it takes the style of a photo.
        needs_guide: whether it cannot do without.
        seed: whether the picture depends on the seed.
    """

    title: str
    generator: str
    spec: ConditionSpec
    classes: ClassColours | None
    depth: DepthUnits | None
    size_multiple: int
    minimum_size: int
    training_size: tuple[int, int]
    guide: bool
    needs_guide: bool
    seed: bool

    @classmethod
    def of(cls, translator: Translator, title: str) -> ModelCard:
        """The card of a loaded model.

        Args:
            translator: holds it.
            title: what people call it.
        """
        generator, described = translator.generator, translator.description
        spec = generator.spec
        layout = training_layout(translator.layout)
        depth = None
        if spec.kind == "depth":
            depth = DepthUnits(*depth_range(layout))
        return cls(
            title=title,
            generator=type(generator).__name__,
            spec=spec,
            classes=ClassColours(spec, layout) if spec.kind == "label" else None,
            depth=depth,
            size_multiple=generator.size_multiple,
            minimum_size=generator.minimum_size,
            training_size=described.training_size if described is not None else (256, 256),
            guide=generator.takes_guide,
            needs_guide=generator.needs_guide,
            seed=bool(generator.style_channels) or bool(getattr(generator, "noise_at_test", False)),
        )

    def as_dict(self, engine: str, most_pixels: int) -> dict[str, Any]:
        """What ``GET /model`` answers, and what lies beside a page without a server as ``model.json``.

        Args:
            engine: who translates: ``server`` or ``browser``.
            most_pixels: of a picture.
        """
        spec, classes = self.spec, self.classes
        listed = (
            [
                {"id": number, "name": name, "colour": "#{:02x}{:02x}{:02x}".format(*map(int, colour))}
                for number, (name, colour) in enumerate(zip(classes.names, classes.colours, strict=True))
            ]
            if classes is not None
            else []
        )
        return {
            "title": self.title,
            "generator": self.generator,
            "version": __version__,
            "engine": engine,
            "kind": spec.kind,
            "channels": spec.channels,
            "classes": listed,
            "unknown": spec.num_classes if spec.kind == "label" and spec.has_unknown else None,
            "instance": spec.instance_edges,
            "depth": vars(self.depth) if self.depth is not None else None,
            "size": {
                "multiple": self.size_multiple,
                "minimum": self.minimum_size,
                "training": {"height": self.training_size[0], "width": self.training_size[1]},
                "most_pixels": most_pixels,
            },
            "guide": self.guide,
            "needs_guide": self.needs_guide,
            "seed": self.seed,
        }
