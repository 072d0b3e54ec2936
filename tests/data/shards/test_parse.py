"""What an index of shards may say of its members: bounds, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from asap_lightning.data.shards.parse import MAX_PAIR, Member, checked, parse_shard
from asap_lightning.errors import UserError

SIZE = 3 * MAX_PAIR


def shard(members: dict[str, Any], *, size: int = SIZE) -> dict[str, Any]:
    samples = [["town/0001", "0001", members]]
    return {"name": "train-000.tar", "size": size, "sha256": "0" * 64, "identity": "x", "samples": samples}


def parsed(members: dict[str, Any], *, size: int = SIZE) -> dict[str, Member]:
    return dict(checked(lambda: parse_shard(shard(members, size=size)), "index.json").samples[0].members)


def test_what_is_allowed_to_the_last_byte() -> None:
    far = MAX_PAIR - 10
    found = parsed({"label.png": [5, 10, 2**32 - 1], "photo.jpg": [5 + far, 10, 0]})
    assert found["photo.jpg"] == Member(5 + far, 10, 0)
    assert parsed({"label.png": [90, 10, 0]}, size=100)["label.png"].offset == 90
    assert "label.png" in parsed({"label.png": [0, 0, 0], "instance.png": [0, 0, 0]})


@pytest.mark.parametrize(
    ("members", "size", "told"),
    [
        ({"label.png": [91, 10, 0]}, 100, "label.png lies outside of its shard"),
        ({"label.png": [0, 1, 2**32]}, 100, "has no checksum"),
        ({"label.png": [-1, 1, 0]}, 100, "label.png"),
        ({"label.png": [0, True, 0]}, 100, "label.png"),
        ({"label.png": [0, 1]}, 100, "not enough values"),
        ({"instance.png": [0, 1, 0]}, 100, "0001 has no condition"),
        ({"label.png": [0, 1, 0], "label.npy": [1, 1, 0]}, 100, "0001 has no condition"),
        ({"weights.png": [0, 1, 0]}, 100, "has a member 'weights.png'"),
        ({"label.png" + "x" * 10_000: [0, 1, 0]}, 100, "a member's name is no text"),
        ({"label.png": [0, 1, 0], "photo.jpg": [MAX_PAIR, 1, 0]}, SIZE, "too far apart"),
    ],
)
def test_what_is_refused(members: dict[str, Any], size: int, told: str) -> None:
    with pytest.raises(UserError, match=rf"^index\.json is damaged: .*{told}"):
        parsed(members, size=size)
