"""How commands with plain flags are described: one width, one order, examples at the end."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from typing import Any

WIDEST = 100
"""Columns of a help text at most, on a wider terminal, too."""


class Help(argparse.RawDescriptionHelpFormatter):
    """Wraps paragraphs, leaves the lines of examples as they are, and names sub-commands once."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=min(shutil.get_terminal_size().columns, WIDEST))

    def _format_action(self, action: argparse.Action) -> str:
        text = super()._format_action(action)
        if isinstance(action, argparse._SubParsersAction):
            return text.partition("\n")[2]  # without all their names in one line
        return text

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


def parser_of(
    prog: str, purpose: str, examples: Sequence[str], notes: str = "", **options: Any
) -> argparse.ArgumentParser:
    """A parser whose help says what the command is for, and ends with examples and notes."""
    made = argparse.ArgumentParser(
        prog=prog, description=purpose, epilog=_end(examples, notes), formatter_class=Help, **options
    )
    return _titled(made)


def _titled(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """With a heading that needs no knowledge of argparse."""
    parser._positionals.title = "arguments"
    return parser


def _end(examples: Sequence[str], notes: str = "") -> str:
    return "\n".join(
        ["examples:", *(f"  {example}" for example in examples), *(["", notes] if notes else [])]
    )


class Commands:
    """A command that is called as ``PROG SUBCOMMAND``; its help shows the first example of each."""

    def __init__(
        self, prog: str, purpose: str, parser_class: type[argparse.ArgumentParser] = argparse.ArgumentParser
    ) -> None:
        self.parser = argparse.ArgumentParser(prog=prog, description=purpose, formatter_class=Help)
        self._all = self.parser.add_subparsers(required=True, title="commands", parser_class=parser_class)
        self._examples: list[str] = []

    def add(
        self, name: str, told: str, *examples: str, notes: str = "", **options: Any
    ) -> argparse.ArgumentParser:
        """Adds a sub-command.

        Args:
            name: that is typed.
            told: what it does, in the imperative, without a full stop.
            examples: command lines.
            notes: what stands below them.
            options: of its parser.
        """
        self._examples.append(examples[0])
        self.parser.epilog = _end(self._examples)
        made: argparse.ArgumentParser = self._all.add_parser(
            name,
            help=told,
            description=f"{told[0].upper()}{told[1:]}.",
            epilog=_end(examples, notes),
            formatter_class=Help,
            **options,
        )
        self._all.metavar = "|".join(self._all.choices)
        return _titled(made)
