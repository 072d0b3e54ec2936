"""What Sphinx is taught about these pages: which blocks are commands, how docstrings set formulas."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

COMMAND = re.compile(
    r"(?:sudo |\w+=\S+ )*(?:asap|make|pip|python3?|git|cd|source|docker|kubectl|sbatch|torchrun)\b"
)

COLON = "\ue000"
"""Stands for a colon while napoleon reads a docstring; no text has it."""


class ShellBlocks(SphinxTransform):
    """Blocks without a language are a shell's where they begin with a command, else they have no colours."""

    default_priority = 500

    def apply(self, **_: Any) -> None:
        """Marks every literal block of one page."""
        for block in self.document.findall(nodes.literal_block):
            if block.get("language", "none") in ("none", "text", "default") and COMMAND.match(block.astext()):
                block["language"] = "bash"


def plain_docstring(
    _app: Sphinx, what: str, _name: str, _object: Any, _options: Any, lines: list[str]
) -> None:
    """Docstrings are plain text: an indented paragraph is a formula, and a bar is the sign of a magnitude."""
    written: list[str] = []
    before = ""  # the last line that was not empty
    for line in lines:
        indented = line.startswith(" ")
        formula = indented and not before.endswith(":") and (written[-1:] == [""])
        if formula and not before.startswith((" ", "- ", "* ")):
            written += ["::", ""]
            before = "::"
        inside = before == "::" and (indented or not line)
        written.append(line if inside else escaped(line))
        if line and not inside:
            before = line
    if what in ("attribute", "property", "data") and written:  # napoleon would take "words: more" for a type
        written[0] = written[0].replace(":", COLON)
    lines[:] = written


def colons_back(_app: Sphinx, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """After napoleon."""
    lines[:] = [line.replace(COLON, ":") for line in lines]


def plain_signature(
    _app: Sphinx,
    _what: str,
    _name: str,
    _object: Any,
    _options: Any,
    signature: str | None,
    returned: str | None,
) -> tuple[str | None, str | None]:
    """A data class's default that is made anew each time has no spelling that Sphinx can read."""
    return signature and signature.replace("<factory>", "..."), returned


def escaped(line: str) -> str:
    """The line with its bars as they are, but for code."""
    pieces = re.split(r"(`[^`]*`)", line)
    return "".join(piece if i % 2 else piece.replace("|", r"\|") for i, piece in enumerate(pieces))


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_transform(ShellBlocks)
    app.connect("autodoc-process-docstring", plain_docstring, priority=100)  # before napoleon
    app.connect("autodoc-process-docstring", colons_back, priority=900)
    app.connect("autodoc-process-signature", plain_signature)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
