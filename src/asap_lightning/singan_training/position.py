"""Where a training stands, as its checkpoint says it: checked before any of it is used."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from asap_lightning.building import require_plain, shown
from asap_lightning.errors import UserError
from asap_lightning.singan_training.recipe import MOST_ITERATIONS, Recipe

MOST_AHEAD = 4_096


@dataclass(frozen=True)
class Position:
    """The entry ``singan_training`` of a checkpoint.

    Attributes:
        recipe: `Recipe.as_dict` of the training.
        image: fingerprint of image and mask.
        seed: of the training.
        scale: index of the scale in training.
        iteration: of its iterations are done.
        seconds: that they took.
        facts: of each finished scale.
        draws: `LowerDraws.state_dict`; None at the coarsest scale.
    """

    recipe: dict[str, Any]
    image: str
    seed: int
    scale: int
    iteration: int
    seconds: float
    facts: list[dict[str, float]]
    draws: dict[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, entry: Any, source: Any) -> Position:
        """Reads the entry of a loaded checkpoint.

        Raises:
            UserError: it is not there, or not what a training writes.
        """
        if not isinstance(entry, dict) or entry.keys() != cls.__dataclass_fields__.keys():
            raise UserError(
                f"{source} cannot be resumed: its training's position is {shown(entry)}; a checkpoint that "
                "'asap singan train' wrote was expected"
            )
        draws = entry["draws"]
        require_plain({name: value for name, value in entry.items() if name != "draws"}, f"{source}")
        fits = (
            type(entry["recipe"]) is dict
            and type(entry["image"]) is str
            and all(type(entry[name]) is int and entry[name] >= 0 for name in ("seed", "scale", "iteration"))
            and entry["iteration"] <= MOST_ITERATIONS
            and type(entry["seconds"]) is float
            and type(entry["facts"]) is list
            and all(_is_fact(fact) for fact in entry["facts"])
            and (draws is None or _are_draws(draws))
        )
        if not fits:
            raise UserError(f"{source}: its training's position is damaged; use another checkpoint")
        return cls(**entry)

    def compare(self, recipe: Recipe, image: str, seed: int) -> None:
        """Refuses to go on with other settings than the training began with.

        Raises:
            UserError: lists what differs.
        """
        changes = recipe.changes(self.recipe)
        if self.image != image:
            changes.insert(0, "image or mask: another one in the checkpoint")
        if self.seed != seed:
            changes.append(f"seed: {self.seed} in the checkpoint, {seed} here")
        if changes:
            raise UserError(
                "the checkpoint is of another training:\n  "
                + "\n  ".join(changes[:8])
                + "\nresume with what it began with, or begin another run: ckpt=null, another name="
            )


FACTS = ("height", "width", "channels", "iterations_per_second", "noise_amp", "psnr")


def _is_fact(fact: Any) -> bool:
    return (
        type(fact) is dict and tuple(fact) == FACTS and all(type(value) is float for value in fact.values())
    )


def _are_draws(draws: Any) -> bool:
    if not isinstance(draws, dict) or draws.keys() != {"began", "used", "ahead"}:
        return False
    began = draws["began"]
    return (
        isinstance(began, Tensor)
        and began.dtype == torch.uint8
        and began.shape == torch.Generator().get_state().shape
        and type(draws["ahead"]) is int
        and type(draws["used"]) is int
        and 0 <= draws["used"] <= draws["ahead"] <= MOST_AHEAD
    )
