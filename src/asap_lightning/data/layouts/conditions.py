"""A folder of conditions alone, for translation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from asap_lightning.data.layout import AnyConditionLayout, Item, Split
from asap_lightning.data.layouts.matching import by_stem
from asap_lightning.errors import UserError
from asap_lightning.wording import listed


class ConditionFolder(AnyConditionLayout):
    """``ROOT/NAME.*`` (or a single file), without photos; every split is all of it.

    Args:
        root: a folder of conditions, or one file.
        instance_root: the folder of instance maps with the same names, if the model uses them.
        **options: as in `AnyConditionLayout`.
    """

    title: ClassVar[str] = "a folder of conditions"
    config: ClassVar[str] = "conditions"
    expected: ClassVar[str] = "  NAME.png  label maps, pictures or depth maps"
    has_instances: ClassVar[bool] = True

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        instance_root: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(root, instances=instance_root is not None, **options)
        self.instance_root = None if instance_root is None else Path(instance_root)

    @classmethod
    def matches(cls, root: Path) -> bool:
        return False

    def require_root(self) -> None:
        if not self.root.is_file():
            super().require_root()

    def find(self, split: Split) -> list[Item]:
        single = self.root.is_file()
        conditions = {self.root.stem: self.root} if single else by_stem(self.root, self.suffixes)
        if not conditions:
            raise UserError(f"{self.root} holds no image files ({', '.join(sorted(self.suffixes))})")
        instances = self._instances(conditions)
        return [Item(name, path, instance=instances.get(name)) for name, path in sorted(conditions.items())]

    def _instances(self, conditions: dict[str, Path]) -> dict[str, Path]:
        if self.instance_root is None:
            return {}
        if self.instance_root.is_file():
            return {next(iter(conditions)): self.instance_root}
        instances = by_stem(self.instance_root)
        if missing := sorted(set(conditions) - set(instances)):
            raise UserError(
                f"{self.instance_root} has no instance map for {len(missing)} of {len(conditions)} "
                "conditions: "
                f"{listed(missing)}"
            )
        return instances
