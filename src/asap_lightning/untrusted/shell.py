"""What becomes of an object whose class is not known here."""

from __future__ import annotations

from typing import Any


class Shell:
    """Stands for an object of a class that is never imported; holds its attributes."""

    def __init__(self, state: Any = None) -> None:
        self.take(state)

    def take(self, state: Any) -> None:
        """Keeps the named attributes of a stored state: a dictionary, or a pair of such."""
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.__dict__.update({name: value for name, value in part.items() if type(name) is str})
