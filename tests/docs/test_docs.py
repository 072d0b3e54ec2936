"""What the documentation says holds: commands compose, keys exist, links lead somewhere."""

from __future__ import annotations

import argparse
import copy
import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer

from asap_lightning.building import build
from asap_lightning.commands import COMMANDS, Command, by_name
from asap_lightning.configuration.assemble import generator_settings
from asap_lightning.configuration.config_files import read_config_file
from asap_lightning.configuration.configs import conf_dir
from asap_lightning.configuration.data import make_data, without_canvases
from asap_lightning.configuration.plain import plain
from asap_lightning.configuration.quoting import with_list
from asap_lightning.configuration.resolvers import register_resolvers

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("notebooks/*.ipynb")])
BLOCK = re.compile(r"^```(?:\w*)\n(.*?)^```|((?:^(?: {4}|\t).*\n?)+)", re.M | re.S)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
KEY = re.compile(r"^[a-z_]+(?:\.[a-z0-9_]+)+$")
GROUPS = sorted(path.name for path in conf_dir().iterdir() if path.is_dir())
ROOTS = {
    key for path in conf_dir().glob("*.yaml") for key in yaml.safe_load(path.read_text(encoding="utf-8"))
} | set(GROUPS)
NO_KEYS = {"trainer.global_step", "trainer.test"}  # attributes, not configuration


def text_of(page: Path) -> str:
    """The prose of a page; of a notebook its Markdown cells."""
    text = page.read_text(encoding="utf-8")
    if page.suffix != ".ipynb":
        return text
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
    return "\n\n".join("".join(cell["source"]) for cell in cells)


def blocks(text: str) -> Iterator[str]:
    for fenced, indented in BLOCK.findall(text):
        yield fenced or indented


def examples() -> Iterator[str]:
    """The examples of every command's ``--help``."""
    for path in sorted(conf_dir().glob("*.yaml")):
        yield from read_config_file(path).examples
    for command in COMMANDS:
        module = (
            import_module(f"asap_lightning.commands.{command.module}") if command.config is None else None
        )
        if hasattr(module, "parser"):
            yield from examples_of(module.parser())


def examples_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield from re.findall(r"^  (asap .+)$", str(parser.epilog), re.M)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from examples_of(sub)


def commands() -> list[Any]:
    """Every ``asap ...`` line of a code block, of a help text, and every such code span with an argument."""
    found: dict[str, str] = {shlex.join(shlex.split(line)[1:]): "--help" for line in examples()}
    for page in PAGES:
        text = text_of(page)
        lines = [line for block in blocks(text) for line in block.replace("\\\n", " ").splitlines()]
        lines += [span for span in SPAN.findall(text) if len(span.split()) > 1]
        for line in lines:
            words = shlex.split(line, comments=True) if line.strip().startswith("asap ") else []
            if len(words) > 1:
                found.setdefault(shlex.join(words[1:]), page.name)
    return [pytest.param(command, id=f"{name}: {command}") for command, name in found.items()]


def keys() -> list[Any]:
    """Every ``group.key`` or ``group.key=value`` in a code span."""
    spans = {
        (page.name, span.lstrip("~").split("=", 1)[0])
        for page in PAGES
        if page.name != "CHANGELOG.md"
        for span in SPAN.findall(text_of(page))
    }
    chosen = [
        (page, key)
        for page, key in sorted(spans)
        if KEY.match(key) and key.split(".")[0] in GROUPS and key not in NO_KEYS
    ]
    return [pytest.param(key, id=f"{page}: {key}") for page, key in chosen]


@cache
def composed(config_name: str, overrides: tuple[str, ...]) -> DictConfig:
    GlobalHydra.instance().clear()
    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose(config_name, list(overrides), return_hydra_config=True)


def jobs(overrides: list[str]) -> list[list[str]]:
    """The jobs of a multirun."""
    parsed = OverridesParser.create().parse_overrides(overrides)
    return [list(job) for batch in BasicSweeper.split_arguments(parsed, None) for job in batch]


def require_trainable(config: DictConfig) -> None:
    """Sizes, tiles, data settings, loss and discriminator fit each other; no network is built."""
    settings = generator_settings(plain(config.generator), config.data.height)
    if settings["_target_"].endswith("AsapGenerator"):
        tile = settings["s1"] * settings["s2"]
        assert config.data.height % tile == 0 and config.data.width % tile == 0
    assert (config.loss.adversarial is None) == (config.discriminator._target_ is None)
    instantiate(without_canvases(config.data)[0], prepare=None)


@pytest.mark.parametrize("command", commands())
def test_command_is_understood(command: str) -> None:
    words = shlex.split(command)
    name, arguments = words[0], words[1:]
    if name.startswith("-"):
        assert name in ("--help", "--version")
        return
    if name == "COMMAND":
        return
    found = by_name(name)
    assert found is not None, f"there is no command {name}"
    if (subcommand := found.subcommand(arguments)) is not None:
        found, arguments = subcommand, arguments[1:]
    if found.config is None:
        understood_by_flags(found, arguments)
        return
    parsed = get_args_parser().parse_intermixed_args(arguments)
    if parsed.help or not arguments:
        return
    if found.listed is not None:
        parsed.overrides = with_list(parsed.overrides, found.listed)
    for job in jobs(parsed.overrides) if parsed.multirun else [parsed.overrides]:
        config = composed(found.config, tuple(job))
        if name == "train" and not parsed.cfg and not OmegaConf.is_missing(config.data, "root"):
            require_trainable(config)


def understood_by_flags(command: Command, arguments: list[str]) -> None:
    if arguments and not arguments[0].startswith("-"):
        assert not command.choices or arguments[0] in command.choices
    if "--help" in arguments or (command.choices and len(arguments) < 2):
        return
    module = import_module(f"asap_lightning.commands.{command.module}")
    parse = module.parse if hasattr(module, "parse") else module.parser().parse_args
    options: argparse.Namespace = parse(arguments)
    if overrides := getattr(options, "overrides", None):
        composed("train", tuple(overrides))


@cache
def root_of(group: str) -> str:
    """The command whose configuration has a group."""
    return next(config for config in ("train", *CONFIGS) if group in composed(config, ()))


@cache
def known_keys(group: str) -> frozenset[str]:
    """Every key that some option of a group has."""
    names: set[str] = set()
    root = root_of(group)
    for option in (conf_dir() / group).glob("*.yaml"):
        override = f"{group}={option.stem}"
        if option.stem == "options":
            continue
        names |= flat(OmegaConf.to_container(composed(root, (override,))[group], resolve=False), group)
    if group == "hydra":  # a search has a sweeper of its own
        searching = composed("train", ("sweep=pareto",))
        names |= flat(OmegaConf.to_container(searching.hydra, resolve=False), group)
    return frozenset(names)


def flat(node: Any, prefix: str) -> set[str]:
    if not isinstance(node, dict):
        return {prefix}
    return {prefix}.union(*(flat(value, f"{prefix}.{key}") for key, value in node.items()))


OVERRIDE = re.compile(r"^[+~]{0,2}([a-z_]+)(?:[./@][a-z0-9_]+)*=(.+)$")
PLUGINS = {"hydra/launcher=ray"}
"""Choices that other packages bring."""
CONFIGS = sorted(
    {one.config for found in COMMANDS for one in (found, *found.subcommands) if one.config is not None}
)
"""The root files of the commands that are configured by overrides."""


def spelled_overrides() -> list[Any]:
    """Every code span that is nothing but overrides; not those with an open value (``..``, ``data=NAME``)."""
    found: dict[tuple[str, ...], str] = {}
    for page in PAGES:
        if page.name == "CHANGELOG.md":
            continue
        for span in SPAN.findall(text_of(page)):
            try:
                words = tuple(shlex.split(span))
            except ValueError:  # a piece of a sentence
                continue
            if words and all(_is_override(word) for word in words):
                found.setdefault(words, page.name)
    return [pytest.param(words, id=f"{name}: {' '.join(words)}") for words, name in found.items()]


def _is_override(word: str) -> bool:
    match = OVERRIDE.match(word)
    if match is None or ".." in word:
        return False
    key, value = word.lstrip("+~").split("=", 1)
    is_open = value.isupper() and ("/" in key or key in GROUPS)
    return match[1] in ROOTS and not is_open and word not in PLUGINS


def contexts(choices: tuple[str, ...], values: list[Override]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Root files, and choices of the keys' own groups, in which overrides may be meant."""
    if any(value.is_add() for value in values):  # where there is no such node, anything can be added
        yield "train", choices
        return
    for config in CONFIGS:
        yield config, choices
    tops = {value.get_key_element().split(".")[0] for value in values}
    if "hydra" in tops:
        yield "train", (*choices, "sweep=pareto")
    for group in sorted(tops & set(GROUPS) - {"hydra"}):
        for option in sorted(path.stem for path in (conf_dir() / group).glob("*.yaml")):
            yield root_of(group), (*choices, f"{group}={option}")


def single(override: Override) -> Override:
    """An override with one value; of a range the first."""
    if not override.is_sweep_override():
        return override
    value = override.value()
    first = value.start if isinstance(value, IntervalSweep) else next(override.sweep_string_iterator())
    return OverridesParser.create().parse_override(f"{override.get_key_element()}={first}")


@pytest.mark.parametrize("words", spelled_overrides())
def test_overrides_compose(words: tuple[str, ...]) -> None:
    parsed = [single(override) for override in OverridesParser.create().parse_overrides(list(words))]
    groups = [one for one in parsed if "/" in one.key_or_group or one.key_or_group in GROUPS]
    choices = tuple(str(one.input_line) for one in groups)
    values = [one for one in parsed if one not in groups]
    refused = []
    for config, chosen in contexts(choices, values):
        try:
            node = copy.deepcopy(composed(config, chosen))
            ConfigLoaderImpl._apply_overrides_to_config(values, node)  # as `compose` does
            return
        except HydraException as error:
            refused.append(f"{config} {' '.join(chosen)}: {str(error).splitlines()[0]}")
    pytest.fail("\n".join(refused))


@pytest.mark.parametrize("key", keys())
def test_key_exists(key: str) -> None:
    assert key in known_keys(key.split(".")[0])


def test_added_arguments_are_lightnings() -> None:
    """``+trainer.NAME`` is not in a file, so it must be an argument of Lightning's Trainer."""
    added = {
        name for page in PAGES for name in re.findall(r"`\+trainer\.(\w+)", text_of(page)) if name != "NAME"
    }
    assert added <= set(signature(Trainer).parameters)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(text_of(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


def anchors(page: Path) -> set[str]:
    """The anchors that a reader of Markdown makes from headings."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("group", [group for group in GROUPS if group != "hydra"])
def test_every_option_is_documented(group: str) -> None:
    texts = [(ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("configuration", "data")]
    options = {path.stem for path in (conf_dir() / group).glob("*.yaml")} - {"options"}
    missing = {option for option in options if not any(f"`{option}`" in text for text in texts)}
    assert not missing, f"conf/{group}: add to docs/configuration.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_are_python(page: Path) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", text_of(page), re.M | re.S):
        compile(block, page.name, "exec")


def test_the_size_of_the_demos_network_is_the_stated_one() -> None:
    config = composed("train", ("experiment=demo",))
    settings = generator_settings(plain(config.generator), config.data.height)
    network = build(settings, "generator", spec=make_data(config).spec)
    size = sum(parameter.numel() for parameter in network.parameters())
    stated = {
        number for page in PAGES for number in re.findall(r"network of ([\d.]+) M parameters", text_of(page))
    }
    assert stated == {f"{size / 1e6:.1f}"}
