"""Text, JSON and YAML files within bounds: of size, of depth, and of what references unfold to."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asap_lightning.errors import UserError
from asap_lightning.untrusted.shape import check_shape

if TYPE_CHECKING:
    import yaml

MAX_TEXT = 16 * 2**20
"""Bytes of a file of settings, marks or a table."""


def printable(text: str, most: int) -> str:
    """A stranger's words for a message: on one line, without control characters, cut."""
    shown = "".join(sign if sign.isprintable() else "?" for sign in text[:most])
    return shown + (".." if len(text) > most else "")


def read_text(path: Path, *, most: int = MAX_TEXT, errors: str = "strict") -> str:
    """A text file in UTF-8.

    Args:
        path: the file.
        most: bytes that it may have.
        errors: what to do about bytes that are no UTF-8, as of `bytes.decode`.

    Raises:
        UserError: larger, or no text.
        OSError: missing, or not readable.
    """
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise UserError(
            f"{path} has more than {most} bytes ({path.stat().st_size}): it is not the file it should be"
        )
    try:
        return content.decode("utf-8", errors)
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8 ({error}): it is damaged or another file") from error


def read_json(path: Path, *, most: int = MAX_TEXT) -> Any:
    """The content of a JSON file.

    Raises:
        UserError: too large or too deep, or not JSON.
        OSError: missing, or not readable.
    """
    text = read_text(path, most=most)
    content = parse_json(text, path)
    try:
        check_shape(content, len(text))
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    return content


def parse_json(text: str | bytes, place: object) -> Any:
    """JSON of a size that was checked before.

    Raises:
        UserError: not JSON, or nested too deep.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise UserError(f"{place} is nested too deep to be what it should be") from error
    except ValueError as error:
        raise UserError(f"{place} is not JSON ({error}): it is truncated or damaged") from error


def read_yaml(path: Path, *, most: int = MAX_TEXT) -> Any:
    """The content of a YAML file: plain values, no tags that make objects, no merge keys.

    Raises:
        UserError: too large or too deep, or not such YAML.
        OSError: missing, or not readable.
    """
    return parse_yaml(read_text(path, most=most), path)


def parse_yaml(text: str, place: object) -> Any:
    """As `read_yaml`, for text that was read already."""
    import yaml

    try:
        content = yaml.load(text, _loader())
        check_shape(content, len(text))
    except RecursionError as error:
        raise UserError(f"{place} is nested too deep to be what it should be") from error
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError) as error:
        reason = printable(" ".join(str(error).split()), 200)
        raise UserError(f"{place} is not YAML of plain values: {reason}") from error
    return content


@cache
def _loader() -> type[yaml.SafeLoader]:
    import yaml

    class PlainLoader(yaml.SafeLoader):
        """Without merge keys (``<<``), which copy what they name: ten lines of them fill any memory."""

        def flatten_mapping(self, node: yaml.MappingNode) -> None:
            if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
                raise yaml.constructor.ConstructorError(
                    None, None, "merge keys (<<) are not read", node.start_mark
                )

    return PlainLoader
