"""``asap singan``: what can be learned from one image, and made of it; each a subcommand."""

from __future__ import annotations

import sys

from asap_lightning.commands import by_name
from asap_lightning.errors import UserError


def main(arguments: list[str]) -> int:
    """Prints the subcommands.

    Raises:
        UserError: another one was asked for.
    """
    command = by_name("singan")
    assert command is not None
    width = max(len(sub.name) for sub in command.subcommands)
    rows = [f"  {sub.name:{width}}  {sub.help}" for sub in command.subcommands]
    usage = "\n".join(["usage: asap singan SUBCOMMAND [key=value ...]", "", *rows, ""])
    if arguments and arguments[0] not in ("-h", "--help"):
        names = ", ".join(sub.name for sub in command.subcommands)
        raise UserError(f"there is no 'asap singan {arguments[0]}'; {names} was expected")
    print(usage, file=sys.stdout if arguments else sys.stderr)
    return 0 if arguments else 2
