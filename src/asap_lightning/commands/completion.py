"""Shell completion for commands, config groups, their options, and keys.

``asap completion bash`` prints a script that asks this module for candidates at every Tab.
"""

from __future__ import annotations

import argparse
import sys

from asap_lightning.commands import COMMANDS, by_name

BASH = """\
_asap_complete() {
    local IFS=$'\\n'
    local line="${COMP_LINE:0:COMP_POINT}"
    COMPREPLY=($("${COMP_WORDS[0]}" completion candidates -- "$line" 2>/dev/null))
    # Readline splits words at '=' and ':', so the part before them must not be repeated.
    local word="${line##* }" before
    before="${word%"${word##*[=:]}"}"
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
}
complete -o nospace -o default -F _asap_complete asap
"""

ZSH = """\
#compdef asap
_asap() {
    local -a candidates
    candidates=("${(@f)$(${words[1]} completion candidates -- "${LBUFFER}" 2>/dev/null)}")
    compadd -S '' -a candidates
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


def main(arguments: list[str]) -> int:
    """Prints the script of a shell, or the candidates for a line being typed."""
    if arguments[:1] == ["candidates"]:
        line = arguments[-1] if len(arguments) > 1 else ""
        sys.stdout.writelines(f"{candidate}\n" for candidate in candidates(line))
        return 0
    parser = argparse.ArgumentParser(
        prog="asap completion",
        description="Prints the completion script of a shell.",
        epilog=HOW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=sorted(SCRIPTS))
    print(SCRIPTS[parser.parse_args(arguments).shell], end="")
    return 0


def candidates(line: str) -> list[str]:
    """What the last word of a command line, ``asap`` included, may become."""
    words = line.split()
    finished = line.endswith(" ")
    if len(words) < 2 or (len(words) == 2 and not finished):
        begun = words[1] if len(words) == 2 else ""
        return [command.name for command in COMMANDS if command.name.startswith(begun)]
    command = by_name(words[1])
    if command is None:
        return []
    place, begun = len(words) + finished, "" if finished else words[-1]
    subcommands = [sub.name for sub in command.subcommands if place == 3 and sub.name.startswith(begun)]
    if place > 3 and (subcommand := command.subcommand(words[2:])) is not None:
        command, words = subcommand, words[1:]
    if command.listed is not None:  # what Hydra cannot read is no override
        words = [*words[:2], *(word for word in words[2:-1] if "=" in word), *words[2:][-1:]]
    rest = " ".join(words[2:]) + (" " if finished and len(words) > 2 else "")
    if command.config is None:
        word = "" if finished else words[-1]
        return [choice for choice in command.choices if len(words) < 4 and choice.startswith(word)]
    return [*subcommands, *hydra_candidates(command.config, rest)]


def hydra_candidates(config_name: str, line: str) -> list[str]:
    """Groups, options and keys of a Hydra application that continue the last word of ``line``."""
    from hydra import initialize_config_dir
    from hydra._internal.core_plugins.bash_completion import BashCompletion
    from hydra.core.global_hydra import GlobalHydra

    from asap_lightning.configuration.configs import conf_dir
    from asap_lightning.configuration.resolvers import register_resolvers

    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base=None):
        plugin = BashCompletion(GlobalHydra.instance().config_loader())
        return [choice for choice in plugin._query(config_name, line) if not choice.startswith("hydra")]
