"""What the files in ``conf/`` say of themselves: purpose, examples, groups, and what every key is for.

Read as text, so that help and completion need no library for it. A root file begins with what its command
does, and examples; a key's meaning is the comment behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

BASES = "options"
"""The file of a group that others begin from; no choice itself."""
ENTRY = re.compile(r"^( *)([\w./@-]+):(?:\s|$)")
COMMENT = re.compile(r"(?:^|\s)# ?(.*)$")
DEFAULT = re.compile(r"^  - (?:override )?/?(\w+)(?:: *(\S+))?")


@dataclass(frozen=True)
class ConfigFile:
    """One file.

    Attributes:
        purpose: a sentence or two.
        examples: command lines.
        bases: names of the files of the same folder that it begins from.
        groups: a group in its defaults -> the comment there.
        comments: dotted key -> the comment behind it.
    """

    purpose: str = ""
    examples: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    groups: dict[str, str] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)


@cache
def read_config_file(path: Path) -> ConfigFile:
    """What a file says, with what the files say that it begins from; nothing if it is not there."""
    if not path.is_file():
        return ConfigFile()
    lines = path.read_text(encoding="utf-8").splitlines()
    purpose, examples = _head(lines)
    bases, groups = _defaults(lines)
    comments: dict[str, str] = {}
    for base in bases:
        inherited = read_config_file(path.with_name(f"{base}.yaml"))
        groups = {**inherited.groups, **groups}
        comments |= inherited.comments
    comments |= dict(_comments(lines))
    return ConfigFile(purpose, examples, bases, groups, comments)


def options_of(folder: Path) -> list[str]:
    """The choices that a group's folder holds."""
    return sorted(path.stem for path in folder.glob("*.yaml") if path.stem != BASES)


def _head(lines: list[str]) -> tuple[str, tuple[str, ...]]:
    """``# asap NAME: what it does.``, up to the first line that is no prose; indented lines are examples."""
    prose, examples, ended = [], [], False
    for line in lines:
        if not line.startswith("#"):
            break
        text = line[1:].rstrip()
        if text.startswith("   "):
            examples.append(text.strip())
        ended = ended or not text or text.startswith("   ")
        if not ended:
            prose.append(text.strip())
    purpose = re.sub(r"^asap [^:]*: ", "", " ".join(prose))
    return purpose[:1].upper() + purpose[1:], tuple(examples)


def _defaults(lines: list[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The bases and the groups of the defaults list."""
    bases, groups, inside = [], {}, False
    for line in lines:
        if re.match(r"^\w", line):
            inside = line.startswith("defaults:")
        found = DEFAULT.match(line) if inside else None
        if found is None or found[1] in ("_self_", "hydra"):
            continue
        if found[2] is None:
            bases.append(found[1])
        else:
            comment = COMMENT.search(line)
            groups[found[1]] = comment[1].strip() if comment else ""
    return tuple(bases), groups


def _comments(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Dotted keys and their comments; a line that holds nothing but a comment continues the one above it."""
    above: list[tuple[int, str]] = []
    key = ""
    words: list[str] = []
    for line in lines:
        entry, comment = ENTRY.match(line), COMMENT.search(line)
        if entry is not None:
            yield from [(key, " ".join(words))] if words else []
            depth = len(entry[1])
            above = [one for one in above if one[0] < depth]
            key, words = ".".join([name for _, name in above] + [entry[2]]), []
            above.append((depth, entry[2]))
        elif comment is None or line.startswith("#") or not words:
            continue  # a list's item, an empty line, or a note on what follows
        if comment is not None:
            words.append(comment[1].strip())
    yield from [(key, " ".join(words))] if words else []
