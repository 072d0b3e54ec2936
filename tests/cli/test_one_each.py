"""``image=[A,B]`` is one run each."""

from __future__ import annotations

import pytest

from asap_lightning.configuration.quoting import one_each


@pytest.mark.parametrize(
    ("words", "runs"),
    [
        (["image=a.png", "x=1"], [["image=a.png", "x=1"]]),
        (["y=2", "image=[a.png, 'b c.png']"], [["y=2", "image=a.png"], ["y=2", "image=b c.png"]]),
        (["image=[]"], [["image=[]"]]),
        (["other=[a,b]"], [["other=[a,b]"]]),
    ],
)
def test_lists_are_taken_apart(words, runs):
    assert one_each(words, "image") == runs
    assert one_each(words, None) == [words]
