"""Which pictures a process was working on when it ended without a word.

A picture that kills its process (a decoder's fault, a machine's memory) would be tried for ever: whoever
starts the process anew gives it the same picture. So each attempt leaves a mark before it begins, which goes
when it ends, well or with an error; what is left counts the deaths.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from asap_lightning.files import remove_if_there

FOLDER = ".attempts"


class Attempts:
    """The marks below an output folder, shared by all processes that write there.

    Args:
        output: the folder.
    """

    def __init__(self, output: Path) -> None:
        self.folder = output / FOLDER

    def begin(self, name: str) -> None:
        """Marks that this process begins with a picture: a line with its number."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._path(name).open("a", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")

    def end(self, name: str) -> None:
        """The attempt is over, whatever came of it."""
        remove_if_there(self._path(name))

    def deaths(self, name: str) -> int:
        """How many attempts have ended with their process."""
        with suppress(FileNotFoundError):
            return self._path(name).read_bytes().count(b"\n")
        return 0

    def clear(self) -> None:
        """Removes the folder if no mark is left."""
        with suppress(OSError):
            self.folder.rmdir()

    def _path(self, name: str) -> Path:
        return self.folder / hashlib.sha256(name.encode()).hexdigest()[:32]
