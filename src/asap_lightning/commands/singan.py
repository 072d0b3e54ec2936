"""``asap singan``: says which sub-commands there are; each is a Hydra application of its own."""

from __future__ import annotations

from asap_lightning.commands import by_name
from asap_lightning.configuration.suggest import did_you_mean
from asap_lightning.errors import UserError

EXAMPLES = """\
examples:
  asap singan train image=photo.png
  asap singan sample ckpt=RUN output=samples
  asap singan COMMAND --help"""


def main(arguments: list[str]) -> int:
    """Prints the sub-commands.

    Raises:
        UserError: another word was typed.
    """
    group = by_name("singan")
    assert group is not None
    names = [sub.name for sub in group.subcommands]
    if arguments and arguments[0] not in ("-h", "--help", "help"):
        hint = did_you_mean(arguments[0], names)
        raise UserError(f"there is no command 'asap singan {arguments[0]}'.{hint} See: asap singan --help")
    width = max(map(len, names))
    print("usage: asap singan COMMAND [key=value ...]\n")
    print("Learn from a single image, and make others of it.\n\ncommands:")
    for sub in group.subcommands:
        print(f"  {sub.name:{width}}  {sub.help}")
    print(f"\n{EXAMPLES}")
    return 0 if arguments else 2
