"""A network as plain data: what a checkpoint stores and what is built from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from asap_lightning.condition import ConditionSpec
from asap_lightning.models.described import sketch
from asap_lightning.registry import role_of

State = Mapping[str, Tensor]
Options = Mapping[str, Any]


@dataclass(frozen=True)
class InferredNetwork:
    """Class, arguments and kind of condition of a network, inferred from weights and options.

    Attributes:
        target: the class's full name.
        arguments: plain data for its constructor, without the spec.
        spec: the kind of condition; None for networks that take none.
    """

    target: str
    arguments: dict[str, Any]
    spec: ConditionSpec | None = None

    def sketch(self, state: State) -> nn.Module:
        """The network for these weights on ``meta``, in evaluation mode; `NameMap.load` fills it."""
        overrides = {} if self.spec is None else {"spec": self.spec}
        place = self.target.rpartition(".")[2]
        return sketch(self.node(), role_of(self.target), place, len(state), **overrides).eval()

    def node(self) -> dict[str, Any]:
        """``{_target_: .., arguments}``."""
        return {"_target_": self.target, **self.arguments}


def partial_node(target: str, **arguments: Any) -> dict[str, Any]:
    """Plain data that is built into a callable: a norm, for example."""
    return {"_target_": target, "_partial_": True, **arguments}
