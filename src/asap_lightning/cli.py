"""``asap COMMAND key=value ...``: finds the command, runs it, turns mistakes into messages.

Only the standard library is imported here, so that ``asap --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from asap_lightning import __version__
from asap_lightning.commands import COMMANDS, Command, by_name
from asap_lightning.configuration.suggest import did_you_mean
from asap_lightning.errors import UserError

OK, CRASH, USER_MISTAKE, INTERRUPTED = 0, 1, 2, 130

USAGE = """\
usage: asap COMMAND [key=value ...] [--debug]

Translate label maps, pictures or depth into photos with ASAP-Net and its peers.

commands:
{commands}

examples:
  asap data demo data/try --count 4
  asap predict model=facades input=data/try/base "pattern=*.png" output=translated
  asap train experiment=demo

flags:
  asap COMMAND --help          say what a command takes, with examples
  asap train --cfg job         print the composed configuration, and run nothing
  asap train -m key=1,2,3      run once for each value
  --debug, HYDRA_FULL_ERROR=1  show the traceback of a mistake
  --version                    print the version
"""


def usage() -> str:
    """The text of ``asap --help``."""
    width = max(len(command.name) for command in COMMANDS)
    rows = [f"  {command.name:{width}}  {command.help}" for command in COMMANDS]
    return USAGE.format(commands="\n".join(rows))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code: 0, 1 (crash), 2 (user's mistake) or 130 (Ctrl-C)."""
    try:
        code = answer(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader (head, less) has gone; Python would complain once more while closing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def answer(words: list[str]) -> int:
    """The exit code of the program called with these words."""
    # Threads that spin while they wait take the cores from loader workers: training was 5 times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    debug = "--debug" in words or os.environ.get("HYDRA_FULL_ERROR", "0") not in ("", "0")
    words = [word for word in words if word != "--debug"]
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage(), end="")
        return OK if words else USER_MISTAKE
    if words[0] in ("-V", "--version"):
        print(f"asap-lightning {__version__}")
        return OK
    return run(words[0], words[1:], debug=debug)


def run(name: str, arguments: list[str], *, debug: bool) -> int:
    """Runs the command ``name``; with ``debug`` a user's mistake is raised instead of printed."""
    command = by_name(name)
    if command is None:
        hint = did_you_mean(name, [command.name for command in COMMANDS])
        print(f"asap: error: there is no command '{name}'.{hint} See: asap --help", file=sys.stderr)
        return USER_MISTAKE
    try:
        return execute(command, arguments)
    except UserError as error:
        if debug:
            raise
        print(f"asap {name}: error: {error}", file=sys.stderr)
        return USER_MISTAKE
    except KeyboardInterrupt:
        print(f"asap {name}: interrupted", file=sys.stderr)
        return INTERRUPTED


def execute(command: Command, arguments: list[str], above: str = "asap") -> int:
    """Imports what the command needs and runs it; ``above`` is what is typed before its name."""
    prog = f"{above} {command.name}"
    subcommand = command.subcommand(arguments)
    if subcommand is not None:
        return execute(subcommand, arguments[1:], prog)
    module = f"asap_lightning.commands.{command.module}"
    if command.config is None:
        return int(import_module(module).main(arguments))
    from asap_lightning.configuration.hydra_app import run_hydra
    from asap_lightning.configuration.quoting import one_each

    told = [(sub.name, sub.help) for sub in command.subcommands]
    runs, failed = one_each(arguments, command.each), None
    for words in runs:
        try:
            run_hydra(
                module,
                config_name=command.config,
                arguments=words,
                prog=prog,
                listed=command.listed,
                commands=told,
            )
        except UserError as error:
            if len(runs) == 1:
                raise
            failed = error  # the others are not kept waiting; the last mistake is also the exit code
            print(f"asap: error: {error}", file=sys.stderr)
    if failed is not None:
        raise UserError(f"not all of {len(runs)} runs have ended well; see above")
    return OK
