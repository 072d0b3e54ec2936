"""An index of shards read back, with everything in it checked: it may come from anybody.

Names become paths, checksums names in the cache, offsets and sizes memory; none is used unless it is what
`ShardIndex.dump` could have written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, TypeVar

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.layout import SPLITS
from asap_lightning.data.shards.index import FORMAT, VERSION, Member, Shard, ShardIndex, StoredSample
from asap_lightning.data.transforms import Geometry
from asap_lightning.errors import UserError
from asap_lightning.untrusted import parse_json
from asap_lightning.untrusted.shape import check_shape
from asap_lightning.untrusted.text import printable

MAX_INDEX = 256 * 2**20
"""Bytes: about two million pairs."""
MAX_PAIR = 2**30
"""Bytes from the first to the last of a pair's members, which are read together."""
CONDITIONS = {"label", "image", "depth", "pair", "photo"}
ROLES = {*CONDITIONS, "instance"}
T = TypeVar("T")

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHARD = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}\.tar")
_MEMBER = re.compile(r"([a-z]+)\.[a-z0-9]{1,5}")


class _Wrong(ValueError):
    """Something in an index is not what it should be."""


def parse_index(text: bytes | str, place: str) -> ShardIndex:
    """Reads what `ShardIndex.dump` wrote.

    Args:
        text: the content of the file.
        place: where it is, for messages.

    Raises:
        UserError: not an index, damaged, or of another version.
    """
    if len(text) > MAX_INDEX:
        raise too_large(place)
    try:
        node = parse_json(text, place)
    except UserError as error:
        raise UserError(
            f"{error}. Copy it again, or repeat the asap data shard command that made it, which keeps whole "
            "shards"
        ) from error
    if not isinstance(node, dict) or node.get("format") != FORMAT:
        raise UserError(
            f'{place} is no index of shards: \'"format": "{FORMAT}"\' was expected in it. '
            "asap data shard makes one"
        )
    if node.get("version") != VERSION:
        raise UserError(
            f"{place} has version {str(node.get('version'))[:40]}; this program reads version {VERSION}. "
            "Make the shards again with asap data shard, or use the version of asap-lightning that made them"
        )
    return checked(lambda: _index(node), place)


def checked(parse: Callable[[], T], place: object) -> T:
    """What ``parse`` returns; what it finds wrong becomes a `UserError` that names ``place``."""
    try:
        return parse()
    except (UserError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        said = str(error) if isinstance(error, UserError | ValueError) else f"{type(error).__name__} {error}"
        raise UserError(
            f"{place} is damaged: {printable(said, 300)}. Copy it again, or repeat asap data shard"
        ) from error


def too_large(place: object) -> UserError:
    """The error about an index that nobody could have meant."""
    return UserError(
        f"{place} has more than {MAX_INDEX // 2**20} MiB, more than any index of shards: it is another file, "
        "or the data set should be split into several"
    )


def _index(node: dict[str, Any]) -> ShardIndex:
    splits: dict[str, list[Shard]] = {}
    for split, shards in _mapping(node["splits"], "splits").items():
        _require(split in SPLITS, f"'{split}' is not a split ({', '.join(SPLITS)})")
        splits[split] = [parse_shard(shard) for shard in _list(shards, split)]
        names = [sample.name for shard in splits[split] for sample in shard.samples]
        _require(len(set(names)) == len(names), f"a pair's name occurs twice in '{split}'")
    files = [shard.name.lower() for shards in splits.values() for shard in shards]
    _require(len(set(files)) == len(files), "a shard is listed twice")
    same_as = _mapping(node["same_as"], "same_as")
    for split, other in same_as.items():
        _require(split in SPLITS and other in splits, f"same_as: '{split}' is said to be an unknown split")
    return ShardIndex(_settings(node["settings"]), ConditionSpec.from_dict(node["spec"]), splits, same_as)


def parse_shard(node: Any) -> Shard:
    """The inverse of `Shard.as_json`.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    name, size = _text(node["name"], "a shard's name"), _natural(node["size"], "a shard's size")
    _require(_SHARD.fullmatch(name) is not None, f"'{name}' is not the bare name of a tar file")
    sha256 = _text(node["sha256"], f"{name}: sha256")
    _require(_SHA256.fullmatch(sha256) is not None, f"{name}: sha256 is not 64 hexadecimal digits")
    samples = [_sample(sample, size, name) for sample in _list(node["samples"], f"{name}: samples")]
    return Shard(name, size, sha256, _text(node["identity"], f"{name}: identity"), samples)


def _sample(node: Any, size: int, shard: str) -> StoredSample:
    name, key, members = node
    _require(is_safe(name), f"{shard}: '{name}' cannot be the name of a pair")
    _require(is_safe(key) and "/" not in key, f"{shard}: '{key}' cannot be the name of a member")
    places = {role: _member(role, place, size, key) for role, place in _mapping(members, key).items()}
    roles = [role.partition(".")[0] for role in places]
    _require(
        len(set(roles)) == len(roles) and bool(CONDITIONS.intersection(roles)),
        f"{shard}: {key} has no condition",
    )
    start = min(member.offset for member in places.values())
    end = max(member.offset + member.size for member in places.values())
    _require(end - start <= MAX_PAIR, f"{shard}: the members of {key} are too far apart")
    return StoredSample(name, key, places)


def _member(role: Any, place: Any, size: int, key: str) -> Member:
    match = _MEMBER.fullmatch(_text(role, "a member's name"))
    _require(match is not None and match[1] in ROLES, f"{key} has a member '{role}'")
    offset, length, crc32 = (_natural(number, f"{key}.{role}") for number in _list(place, f"{key}.{role}"))
    _require(offset + length <= size, f"{key}.{role} lies outside of its shard")
    _require(crc32 < 2**32, f"{key}.{role} has no checksum")
    return Member(offset, length, crc32)


def _settings(node: Any) -> dict[str, Any]:
    """What the shards were made with; whether a layout may be built is decided where it is."""
    settings = dict(_mapping(node, "settings"))
    check_shape(settings, 0)
    layout = _mapping(settings["layout"], "settings.layout")
    _text(layout["class"], "settings.layout.class")
    _mapping(layout["options"], "settings.layout.options")
    _require(type(settings["instances"]) is bool, "settings.instances is not true or false")
    _require(settings["stored"] in ("files", "arrays"), "settings.stored is neither 'files' nor 'arrays'")
    if settings["resized"] is not None:
        resized = _mapping(settings["resized"], "settings.resized")
        for use in ("train", "eval"):
            Geometry(**_mapping(resized[use], "settings.resized"))
    return settings


def is_safe(name: Any) -> bool:
    """Whether a name stays, as a path, inside the folder that it is put in."""
    if not isinstance(name, str) or len(name) > 1000 or any(unicodedata.category(c) == "Cc" for c in name):
        return False
    path = PurePath(name)
    parts = name.replace("\\", "/").split("/")
    return not (path.is_absolute() or path.drive or {"", ".", ".."}.intersection(parts)) and all(
        len(part.encode(errors="replace")) <= 255 for part in parts
    )


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _Wrong(otherwise)


def _text(value: Any, what: str) -> str:
    _require(isinstance(value, str) and len(value) <= 10_000, f"{what} is no text")
    return str(value)


def _natural(value: Any, what: str) -> int:
    _require(type(value) is int and 0 <= value < 2**63, f"{what} is no number from 0 on")
    return int(value)


def _list(value: Any, what: str) -> list[Any]:
    _require(isinstance(value, list), f"{what} is no list")
    return list(value)


def _mapping(value: Any, what: str) -> dict[str, Any]:
    _require(isinstance(value, dict), f"{what} holds no names with values")
    return value
