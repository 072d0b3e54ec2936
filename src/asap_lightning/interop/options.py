"""The option files that lie beside the authors' checkpoints, in one vocabulary."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.untrusted import Shell, load_pickle, read_json, read_text

_LINE = re.compile(r"^\s*(?P<key>\w+)\s*[:=]\s*(?P<value>.*?)\s*(?:\t?\[default:.*\])?\s*$")
LONGEST = 1000
"""Signs of a value; Python's parser may crash on longer expressions."""
BESIDE = ("opt.pkl", "opt.txt", "train_opt.txt")


def read_options(path: Path) -> dict[str, Any]:
    """Reads ``opt.txt``, ``opt.pkl`` or a JSON object.

    Raises:
        UserError: missing, damaged or of another kind.
    """
    if not path.is_file():
        raise UserError(f"--options {path}: there is no such file")
    if path.suffix == ".pkl":
        content = load_pickle(path)
        options = dict(vars(content)) if isinstance(content, Shell) else content
    elif path.suffix == ".json":
        options = read_json(path)
    else:
        options = _parse_text(path)
    if not isinstance(options, dict):
        raise UserError(
            f"{path} holds no options: expected names with values, found a {type(options).__name__}"
        )
    return options


def _parse_text(path: Path) -> dict[str, Any]:
    lines = read_text(path).splitlines()
    matches = (_LINE.match(line) for line in lines if not line.startswith("---"))
    options = {match["key"]: parse_value(match["value"]) for match in matches if match}
    if not options:
        raise UserError(f"{path} holds no lines 'name: value'")
    return options


def parse_value(text: str) -> Any:
    """A number, truth value, None or list where the text is one; else the text."""
    try:
        if len(text) > LONGEST:
            raise ValueError("no value is that long")
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return {"true": True, "false": False, "none": None, "null": None}.get(text.lower(), text)


def options_beside(checkpoint: Path) -> Path | None:
    """The option file in the checkpoint's folder, or in the folder that is given, if there is one."""
    folder = checkpoint if checkpoint.is_dir() else checkpoint.parent
    return next((path for name in BESIDE if (path := folder / name).is_file()), None)


def in_our_words(options: dict[str, Any], system: str) -> dict[str, Any]:
    """The authors' option names as the ones used here.

    ``instance_edges``, ``one_hot`` and ``positional_encoding`` replace their negated or numbered spellings;
    everything else keeps its name.
    """
    result = dict(options)
    if "no_instance" in options and system in ("spade", "pix2pixhd", "ccfpse"):
        result["instance_edges"] = not options["no_instance"]
    if "no_one_hot" in options:
        result["one_hot"] = not options["no_one_hot"]
    if system == "pix2pixhd" and options.get("label_nc") == 0:
        result["one_hot"] = False
    if result.get("one_hot") is False:
        result.pop("label_nc", None)
    if "hr_coor" in options:
        result["positional_encoding"] = options["hr_coor"] == "cosine"
    if "hr_width" in options:
        result["mlp_width"] = options["hr_width"]
    if "hr_depth" in options:
        result["mlp_depth"] = options["hr_depth"]
    return {key: value for key, value in result.items() if value is not None}
