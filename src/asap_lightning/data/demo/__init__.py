"""The built-in data set: procedurally drawn building facades in the layout of the CMP facade database.

`write_demo_dataset` writes a folder of them; `draw_facade` draws one. The photo holds what the label map
does not tell: materials, colours, the side of the sun. Importing the package is cheap: the drawing's
libraries (NumPy, OpenCV, Pillow) come with its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asap_lightning.data.demo.dataset import DemoSummary, write_demo_dataset

if TYPE_CHECKING:
    from asap_lightning.data.demo.paint import Facade, draw_facade

__all__ = ["DemoSummary", "Facade", "draw_facade", "write_demo_dataset"]


def __getattr__(name: str) -> Any:
    if name in ("Facade", "draw_facade"):
        from asap_lightning.data.demo import paint

        return getattr(paint, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
