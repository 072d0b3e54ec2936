from __future__ import annotations

from pathlib import Path

import pytest

from asap_lightning.wording import Complaint, by_cause, counted, listed, told


@pytest.mark.parametrize(
    ("number", "words", "expected"),
    [(0, ("pair",), "0 pairs"), (1, ("pair",), "1 pair"), (2, ("class", "classes"), "2 classes")],
)
def test_counts_agree_with_their_nouns(number, words, expected):
    assert counted(number, *words) == expected


def test_a_long_list_is_cut():
    assert listed("abc") == "a, b, c"
    assert listed(range(7), 3) == "0, 1, 2 and 4 more"


def test_one_cause_is_told_once():
    complaints = [Complaint(f"/x/{n}.png: id 9 ({n} pixels)", f"{n}", (f"/x/{n}.png",)) for n in range(300)]
    other = Complaint("/x/a.png is empty", "a", ("/x/a.png",))
    groups = by_cause([complaints[0], other, *complaints[1:]])
    assert [len(group) for group in groups] == [300, 1]
    assert told(groups[0]) == (
        "/x/0.png: id 9 (0 pixels)\n  the same in 299 more files: 1, 2, 3, 4, 5 and 294 more"
    )
    assert told(groups[1]) == "/x/a.png is empty"


def test_extras_are_quoted_where_they_are_to_be_typed(repository: Path) -> None:
    """A bare ``[`` is a pattern in zsh, and the command fails there."""
    pages = [*repository.glob("*.md"), *repository.glob("docs/**/*.md"), *repository.glob("src/**/*.py")]
    pages += repository.glob("conf/**/*.yaml")
    bare = [page.name for page in pages if "install asap-lightning[" in page.read_text(encoding="utf-8")]
    assert not bare
