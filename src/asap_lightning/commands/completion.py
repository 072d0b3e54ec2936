"""Shell completion for commands, config groups, their options, keys and flags.

``asap completion bash`` prints a script that asks this module for candidates at every Tab.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from asap_lightning.commands import COMMANDS, Command, by_name
from asap_lightning.commands.flags import parser_of
from asap_lightning.configuration.config_files import options_of, read_config_file
from asap_lightning.configuration.configs import conf_dir

BASH = """\
_asap_complete() {
    local IFS=$'\\n'
    local line="${COMP_LINE:0:COMP_POINT}"
    COMPREPLY=($("${COMP_WORDS[0]}" completion candidates -- "$line" 2>/dev/null))
    # Readline splits words at '=' and ':', so the part before them must not be repeated.
    local word="${line##* }" before
    before="${word%"${word##*[=:]}"}"
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
    local index  # what is finished gets a space; after a key, a group or a folder more is typed
    for index in "${!COMPREPLY[@]}"; do
        [[ "${COMPREPLY[index]}" == *[=./] ]] || COMPREPLY[index]+=" "
    done
}
complete -o nospace -o default -F _asap_complete asap
"""

ZSH = """\
#compdef asap
_asap() {
    local -a candidates begun finished
    candidates=(${(f)"$(${words[1]} completion candidates -- "${LBUFFER}" 2>/dev/null)"})
    begun=(${(M)candidates:#*[=./]})
    finished=(${candidates:#*[=./]})
    compadd -S '' -a begun
    compadd -a finished
    (( $#candidates )) || _files
}
compdef _asap asap
"""

FISH = """\
function __asap_complete
    asap completion candidates -- (commandline -cp) 2>/dev/null
end
complete -c asap -f -a '(__asap_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
HOW = """\
install:
  bash   echo 'eval "$(asap completion bash)"' >> ~/.bashrc
  zsh    echo 'eval "$(asap completion zsh)"' >> ~/.zshrc
  fish   asap completion fish > ~/.config/fish/completions/asap.fish
"""


FLAGS = ("--cfg", "--config-dir", "--debug", "--help", "--hydra-help", "--multirun")
"""Of commands that a configuration describes."""
VALUES = {
    "--cfg": ("all", "hydra", "job"),
    "ckpt=": ("best", "last"),
    "model=": ("facades",),
}
"""What may follow, where no file says it."""


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    result = parser_of(
        "asap completion",
        "Print the script that completes commands, groups, options, keys and flags at Tab.",
        ("asap completion bash",),
        notes=HOW,
    )
    result.add_argument("shell", choices=sorted(SCRIPTS), help="which shell")
    return result


def main(arguments: list[str]) -> int:
    """Prints the script of a shell, or the candidates for a line being typed."""
    if arguments[:1] == ["candidates"]:
        line = arguments[-1] if len(arguments) > 1 else ""
        sys.stdout.writelines(f"{candidate}\n" for candidate in candidates(line))
        return 0
    print(SCRIPTS[parser().parse_args(arguments).shell], end="")
    return 0


def candidates(line: str) -> list[str]:
    """What the last word of a command line, ``asap`` included, may become."""
    words = line.split()[1:]
    begun = words.pop() if words and not line.endswith(" ") else ""
    if not words:
        names = [command.name for command in COMMANDS]
        return [name for name in (*names, "--help", "--version") if _continues(name, begun)]
    command = by_name(words[0])
    if command is None:
        return []
    subcommands = [sub.name for sub in command.subcommands] if len(words) == 1 else []
    if (subcommand := command.subcommand(words[1:])) is not None:
        command, words = subcommand, words[1:]
    found = [name for name in subcommands if _continues(name, begun)]
    if command.config is not None:
        return found + of_configuration(command.config, words[1:], begun)
    return found or of_flags(command, words[1:], begun)


def _continues(word: str, begun: str) -> bool:
    """Whether ``word`` may be meant; flags only once a dash is typed."""
    return word.startswith(begun) and (bool(begun) or not word.startswith("-"))


def of_configuration(config_name: str, before: list[str], begun: str) -> list[str]:
    """Flags, groups, options and keys of a command that a configuration describes.

    Args:
        config_name: of its root file.
        before: words that are finished.
        begun: the word being typed.
    """
    if before[-1:] == ["--cfg"]:
        return [value for value in VALUES["--cfg"] if value.startswith(begun)]
    if begun.startswith("-"):
        return [flag for flag in FLAGS if flag.startswith(begun)]
    groups = read_config_file(conf_dir() / f"{config_name}.yaml").groups
    group, sign, _ = begun.partition("=")
    if sign and group in groups:  # a folder says it, without composing anything
        options = [f"{group}={option}" for option in options_of(conf_dir() / group)]
        return [option for option in options if option.startswith(begun)]
    if sign and f"{group}=" in VALUES:
        return [word for value in VALUES[f"{group}="] if (word := f"{group}={value}").startswith(begun)]
    overrides = [word for word in before if "=" in word and not word.startswith("-")]
    found = of_hydra(config_name, overrides, begun)
    folders = {f"{path.name}=" for path in conf_dir().iterdir() if path.is_dir()}
    foreign = tuple(folders - {f"{group}=" for group in groups})
    return [word for word in found if not word.startswith(("hydra", *foreign))]


def of_hydra(config_name: str, before: list[str], begun: str) -> list[str]:
    """Groups and keys that continue the last word, as Hydra finds them in the composed configuration."""
    from hydra import initialize_config_dir
    from hydra._internal.core_plugins.bash_completion import BashCompletion
    from hydra.core.global_hydra import GlobalHydra

    from asap_lightning.configuration.resolvers import register_resolvers

    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base=None):
        plugin = BashCompletion(GlobalHydra.instance().config_loader())
        return plugin._query(config_name, " ".join([*before, begun]))


def of_flags(command: Command, before: list[str], begun: str) -> list[str]:
    """Sub-commands, choices and flags of a command with plain flags; ``data`` where it takes a data set."""
    module = import_module(f"asap_lightning.commands.{command.module}")
    if not hasattr(module, "parser"):  # its sub-commands are in the table
        return []
    current: argparse.ArgumentParser = module.parser()
    typed = list(before)
    while (subs := _subparsers(current)) is not None and typed and typed[0] in subs:
        current = subs[typed.pop(0)]
    if (subs := _subparsers(current)) is not None:
        return [name for name in (*subs, "--help") if _continues(name, begun)]
    flags = {flag: action for action in current._actions for flag in action.option_strings}
    last = flags.get(typed[-1]) if typed else None
    if last is not None and last.nargs != 0:
        return [str(value) for value in last.choices or () if str(value).startswith(begun)]
    if begun.startswith("-"):
        return [flag for flag in flags if flag.startswith(begun) and (flag.startswith("--") or begun == flag)]
    positional = [action for action in current._actions if not action.option_strings]
    choices = [str(value) for value in positional[0].choices or ()] if positional and not typed else []
    found = [choice for choice in choices if choice.startswith(begun)]
    if any(action.metavar == "key=value" for action in positional) and begun.startswith("data"):
        overrides = [word for word in typed if word.startswith("data")]
        return found + of_configuration("train", overrides, begun)
    return found


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser] | None:
    """Name -> parser of the sub-commands, or None where there are none."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return None
