"""`load_exported`: an exported file called from Python, with every input checked against its metadata."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from asap_lightning.errors import UserError
from asap_lightning.export.metadata import EXACT, FORMAT, KEY, UNPADDED
from asap_lightning.untrusted.text import parse_json

Run = Callable[[Sequence[NDArray]], NDArray[np.float32]]
ENDINGS = {".onnx": "onnx", ".pt": "torchscript", ".pt2": "aoti"}


class ExportedModel:
    """An exported generator.

    Args:
        path: of the file, for messages.
        about: its metadata.
        run: calls it with the values of its inputs in their order.
    """

    def __init__(self, path: Path, about: dict[str, Any], run: Run) -> None:
        self.path, self.about, self._run = path, about, run

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """Name, dtype, shape, range and meaning of each input."""
        return self.about["inputs"]

    def __call__(self, **values: NDArray) -> NDArray[np.float32]:
        """The image (B, 3, H, W) in [-1, 1].

        Args:
            values: an array for each input, by name. Labels and instances may be of any integer type, floats
                of any float type; values are never wrapped.

        Raises:
            UserError: an input that is missing, of another shape or kind, out of its range; a size or class
                id that the model was not made for.
        """
        names = [entry["name"] for entry in self.inputs]
        if sorted(values) != sorted(names):
            raise UserError(
                f"{self.path} takes the inputs {', '.join(names)}; got {', '.join(values) or 'none'}"
            )
        sides: dict[str, int] = {}
        checked = [self._checked(entry, np.asarray(values[entry["name"]]), sides) for entry in self.inputs]
        self._check_size(sides)
        if self.about["sizes"].get("padding") != UNPADDED:
            return self._run(checked)
        height, width = sides["height"], sides["width"]
        padded = [
            _extended(value, self.about["sizes"]) if "height" in entry["shape"] else value
            for value, entry in zip(checked, self.inputs, strict=True)
        ]
        return self._run(padded)[..., :height, :width]

    def _checked(self, entry: Mapping[str, Any], value: NDArray, sides: dict[str, int]) -> NDArray:
        name, shape = entry["name"], entry["shape"]
        if value.ndim != len(shape):
            raise UserError(f"{self.path}: {name} has the shape {value.shape}; {_said(shape)} was expected")
        for axis, side in zip(shape, value.shape, strict=True):
            expected = axis if isinstance(axis, int) else sides.setdefault(axis, side)
            if side != expected or not side:
                raise UserError(
                    f"{self.path}: {name} has the shape {value.shape}; {_said(shape)} was expected"
                    + (f" with {axis} = {expected}" if isinstance(axis, str) and side else "")
                )
        kinds = "iu" if entry["dtype"] == "int32" else "f"
        if value.dtype.kind not in kinds:
            wanted = "whole numbers" if kinds == "iu" else "floating-point numbers"
            raise UserError(f"{self.path}: {name} holds {value.dtype}; {wanted} were expected")
        low, high = entry["range"]
        unknown = self.about["spec"].get("has_unknown") if name == "label" else False
        inside = (value >= low) & (value <= high) | (unknown and value == 255)
        if not inside.all():
            wrong = np.unique(value[~inside])[:5].tolist()
            raise UserError(
                f"{self.path}: {name} holds {wrong}; {entry['meaning']} ({low} to {high}) were expected"
            )
        return np.ascontiguousarray(value, np.int32 if kinds == "iu" else np.float32)

    def _check_size(self, sides: Mapping[str, int]) -> None:
        sizes = self.about["sizes"]
        height, width = sides["height"], sides["width"]
        if sizes["any"]:
            step = sizes["multiple"] if sizes.get("padding") == EXACT else 1
            right = all(
                sizes["smallest"] <= side <= sizes["largest"] and side % step == 0 for side in (height, width)
            )
        else:
            right = (height, width) == (sizes["height"], sizes["width"])
        if not right:
            raise UserError(
                f"{self.path}: {height} x {width} (height x width): it refuses {sizes['refused']}"
            )


def load_exported(path: str | os.PathLike[str], *, threads: int = 0) -> ExportedModel:
    """An exported file, ready to be called.

    An ONNX file is data. TorchScript and AOTInductor files hold code that runs when they are loaded: load
    such files from people you trust only.

    Args:
        path: a ``.onnx``, ``.pt`` or ``.pt2`` file that ``asap export`` wrote.
        threads: of ONNX Runtime; 0 lets it choose.

    Raises:
        UserError: not such a file, damaged, or of a newer format.
    """
    file = Path(path)
    kind = ENDINGS.get(file.suffix.lower())
    if kind is None or not file.is_file():
        found = "there is no such file" if not file.is_file() else f"its name ends in '{file.suffix}'"
        raise UserError(f"{file}: {found}; a {', '.join(ENDINGS)} file of 'asap export' was expected")
    loader = {"onnx": _load_onnx, "torchscript": _load_torchscript, "aoti": _load_aoti}[kind]
    try:
        text, run = loader(file, threads)
    except UserError:
        raise
    except Exception as error:  # each runtime has its own
        raise UserError(f"{file} cannot be loaded: {str(error).splitlines()[0][:300]}") from error
    return ExportedModel(file, _about(file, text), run)


def _about(file: Path, text: str | None) -> dict[str, Any]:
    if not text:
        raise UserError(f"{file} has no entry '{KEY}': it is not a file of 'asap export'")
    about = parse_json(text, file)
    wanted = {"format", "inputs", "sizes", "spec"}
    if not isinstance(about, dict) or not wanted <= about.keys():
        raise UserError(f"{file}: its entry '{KEY}' is damaged; export the model again")
    if about["format"] != FORMAT:
        raise UserError(
            f"{file} was written in export format {about['format']}, this version reads {FORMAT}: "
            "use the version that wrote it, or export the model again"
        )
    return about


def _load_onnx(file: Path, threads: int) -> tuple[str | None, Run]:
    from asap_lightning.export.onnx_file import require_runtime

    runtime = require_runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what it logs is in the error that it raises
    session = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]

    def run(values: Sequence[NDArray]) -> NDArray[np.float32]:
        return session.run(None, dict(zip(names, values, strict=True)))[0]

    return session.get_modelmeta().custom_metadata_map.get(KEY), run


def _load_torchscript(file: Path, threads: int) -> tuple[str | None, Run]:
    import warnings

    extra: dict[str, Any] = {KEY: ""}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is deprecated", category=FutureWarning)
        module = torch.jit.load(file, map_location="cpu", _extra_files=extra)
    text = extra[KEY]
    return text.decode() if isinstance(text, bytes) else text, _run_torch(module)


def _load_aoti(file: Path, threads: int) -> tuple[str | None, Run]:
    module = torch._inductor.aoti_load_package(str(file))
    return module.get_metadata().get(KEY), _run_torch(module)


def _run_torch(module: Callable[..., torch.Tensor]) -> Run:
    @torch.inference_mode()
    def run(values: Sequence[NDArray]) -> NDArray[np.float32]:
        return module(*(torch.from_numpy(value) for value in values)).numpy()

    return run


def _extended(value: NDArray, sizes: Mapping[str, Any]) -> NDArray:
    """The last row and column repeated up to the sizes that an unpadded graph takes."""
    multiple = sizes["multiple"]
    least = max(sizes["minimum"], 2 * multiple)
    more = [(0, -(-max(side, least) // multiple) * multiple - side) for side in value.shape[-2:]]
    return np.pad(value, [(0, 0)] * (value.ndim - 2) + more, mode="edge")


def _said(shape: Sequence[str | int]) -> str:
    return "(" + ", ".join(str(axis) for axis in shape) + ")"
