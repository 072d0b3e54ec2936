"""Whether plain data can be walked: finite, not too deep, and no larger than it looks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asap_lightning.untrusted.shell import Shell

MAX_DEPTH = 200
MAX_PARTS = 100_000
"""What any structure may unfold to, however small its file."""


def check_shape(content: Any, size: int) -> None:
    """Checks that a program may walk through ``content`` recursively and copy or print it.

    References make a file of a few lines unfold to any size (a list that holds another one ten times, that
    one a third one ten times, ..), and let a list hold itself.

    Args:
        content: dictionaries, lists, tuples, sets, objects with attributes; everything else is a leaf.
        size: of the file in bytes. Data without references has no more parts than that.

    Raises:
        ValueError: says what is wrong.
    """
    most = max(size, MAX_PARTS)
    known: dict[int, tuple[int, int]] = {}  # of what was walked: parts when unfolded, depth
    open_: set[int] = set()
    todo: list[tuple[Any, bool]] = [(content, False)]
    while todo:
        node, walked = todo.pop()
        children = _children(node)
        if walked:
            inner = [known.get(id(child), (1, 0)) for child in children]
            parts, depth = 1 + sum(n for n, _ in inner), 1 + max((d for _, d in inner), default=0)
            if depth > MAX_DEPTH:
                raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
            if parts > most:
                raise ValueError(f"it unfolds to more than {most} parts, more than its {size} bytes can mean")
            known[id(node)] = parts, depth
            open_.discard(id(node))
        elif id(node) not in known:
            open_.add(id(node))
            todo.append((node, True))
            for child in children:
                if _is_container(child) and (child or isinstance(child, Shell)):
                    if id(child) in open_:
                        raise ValueError("it contains itself")
                    if id(child) not in known:
                        todo.append((child, False))


def _is_container(node: Any) -> bool:
    return isinstance(node, dict | list | tuple | set | frozenset | Shell)


def _children(node: Any) -> Iterable[Any]:
    if isinstance(node, dict):
        attributes = vars(node) if hasattr(node, "__dict__") else {}  # a state dict's versions of layers
        return [*node.values(), *attributes.values()]
    if isinstance(node, list | tuple | set | frozenset):
        return node
    return list(vars(node).values()) if isinstance(node, Shell) else ()
