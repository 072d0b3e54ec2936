"""The built-in data set: procedurally drawn building facades in the layout of the CMP facade database.

`write_demo_dataset` writes a folder of them; `draw_facade` draws one. The photo holds what the label map does not
tell: materials, colours, the side of the sun. The package needs NumPy, OpenCV and Pillow, and imports them lazily.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .dataset import DemoSummary, write_demo_dataset

if TYPE_CHECKING:
    from .paint import Facade, draw_facade

__all__ = ["DemoSummary", "Facade", "draw_facade", "write_demo_dataset"]


def __getattr__(name: str) -> Any:
    if name in ("Facade", "draw_facade"):
        from . import paint

        return getattr(paint, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
