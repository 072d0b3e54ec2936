"""The painter: a web page that translates what is painted on it, with a server or in the browser itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.app.application import make_app as make_app
    from asap_lightning.app.limits import Limits as Limits
    from asap_lightning.app.serve import serve as serve

_HOMES = {"Limits": "limits", "make_app": "application", "serve": "serve"}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
