"""What `make mutate` changes, and that it tells what tests catch from what they do not."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

MODULE = '''
"""A text."""
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import math

LIMIT: int = 3

def inside(value: float, low: float = -1.0) -> bool:
    if value > 100:
        raise ValueError(f"{value + 1} is much")
    return low <= value and value < LIMIT
'''

CHANGES = {
    ("3", "4"), ("-1.0", "1.0"), ("1.0", "2.0"), ("value > 100", "value >= 100"), ("100", "101"),
    ("low <= value", "low < value"), ("value < LIMIT", "value <= LIMIT"),
    ("low <= value and value < LIMIT", "low <= value or value < LIMIT"),
}  # fmt: skip


@pytest.fixture
def sites(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
    from mutants import sites

    return sites


def test_every_place_is_changed_but_messages_and_types(sites):
    found = [(ast.unparse(site.old), ast.unparse(site.new)) for site in sites(ast.parse(MODULE))]
    expressions = {
        pair for pair in found if "\n" not in pair[0] and not pair[0].startswith(("raise", "return"))
    }
    assert expressions == CHANGES
    statements = [new for old, new in found if (old, new) not in CHANGES]
    assert sorted(text.splitlines()[0] for text in statements) == ["if False:", "pass", "return"]


def test_a_mutant_is_the_module_with_one_change(sites):
    count = len(list(sites(ast.parse(MODULE))))
    made = set()
    for number in range(count):
        tree = ast.parse(MODULE)
        list(sites(tree))[number].apply()
        compile(ast.fix_missing_locations(tree), "made", "exec")
        made.add(ast.unparse(tree))
    assert len(made) == count and ast.unparse(ast.parse(MODULE)) not in made
