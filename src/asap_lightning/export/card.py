"""The model card: what a folder for a hub says of its model to people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asap_lightning import __version__
from asap_lightning.checkpoint import ModelDescription
from asap_lightning.errors import UserError
from asap_lightning.model_file import public
from asap_lightning.models import Generator
from asap_lightning.untrusted.text import read_json

PAPERS = {
    "AsapGenerator": "ASAP-Net, spatially-adaptive pixelwise networks (Shaham et al., CVPR 2021)",
    "UNetGenerator": "pix2pix (Isola et al., CVPR 2017)",
    "ResnetGenerator": "the residual generator of pix2pix (Isola et al., CVPR 2017)",
    "Pix2pixHDGenerator": "pix2pixHD (Wang et al., CVPR 2018)",
    "SpadeGenerator": "SPADE (Park et al., CVPR 2019)",
    "CppnGenerator": "CPPN or Fourier features, one MLP for all pixels (Tancik et al., NeurIPS 2020)",
    "CrnGenerator": "CRN (Chen and Koltun, ICCV 2017)",
    "HdrnetGenerator": "HDRNet (Gharbi et al., SIGGRAPH 2017)",
    "CcFpseGenerator": "CC-FPSE (Liu et al., NeurIPS 2019)",
    "SimsGenerator": "SIMS, semi-parametric image synthesis (Qi et al., CVPR 2018)",
}
TASKS = {"label": "a label map of class ids", "image": "an image", "depth": "a depth map"}


def model_card(
    generator: Generator,
    description: ModelDescription,
    about: Mapping[str, Any],
    size: int,
    told: Mapping[str, Any],
) -> str:
    """The card as Markdown, headed by the YAML that hubs read.

    Args:
        generator: of the model.
        description: of its checkpoint.
        about: metadata of the export.
        size: bytes of the weights' file.
        told: what the checkpoint does not know: ``metrics`` (a ``metrics.json`` of ``asap evaluate``),
            ``license`` (an SPDX name), ``data`` (a sentence on the data and its licence), ``title``.

    Raises:
        UserError: metrics that are no report of ``asap evaluate``.
    """
    shared = public(description)
    title = str(told.get("title") or shared.config.get("name") or type(generator).__name__)
    licence = str(told.get("license") or "unknown")
    count = sum(value.numel() for value in generator.parameters())
    parts = [
        f"---\nlicense: {json.dumps(licence)}\npipeline_tag: image-to-image\nlibrary_name: asap-lightning\n"
        "tags:\n- image-to-image\n- gan\n---",
        f"# {title}",
        f"{PAPERS.get(type(generator).__name__, type(generator).__name__)}; {count / 1e6:.2f} M parameters, "
        f"{size / 1e6:.1f} MB in {about['precision']}. "
        f"It translates {TASKS[generator.spec.kind]} into a picture.",
        "![a condition and its translation](preview.png)",
        "## Use\n\n```python\nfrom asap_lightning import Translator\n\n"
        'translator = Translator.load("PATH/TO/THIS/FOLDER")  # or "hf://OWNER/NAME@REVISION"\n'
        "image = translator(condition)\n```",
        _input(generator, about),
        "## Data\n\n" + str(told.get("data") or "Not stated by who exported the model."),
        f"## Licence\n\n{licence if licence != 'unknown' else 'Not stated by who exported the model.'}",
        _metrics(told.get("metrics")),
        "## Training\n\n```json\n" + json.dumps(shared.config, indent=1, default=str) + "\n```",
        f"Written by asap-lightning {__version__} (`asap export format=hub`).",
    ]
    return "\n\n".join(parts) + "\n"


def _input(generator: Generator, about: Mapping[str, Any]) -> str:
    lines = ["## Input", "", f"- Sizes: {_sizes(about['sizes'])}"]
    lines += [f"- `{entry['name']}`: {entry['meaning']}" for entry in about["inputs"]]
    if "classes" in about:
        lines += ["", "| id | class | colour |", "|---|---|---|"]
        for index, (name, colour) in enumerate(zip(about["classes"], about["palette"], strict=True)):
            lines.append(f"| {index} | {name} | {', '.join(map(str, colour))} |")
    return "\n".join(lines)


def _sizes(sizes: Mapping[str, Any]) -> str:
    if not sizes["any"]:
        return f"{sizes['height']} x {sizes['width']} (height x width) alone"
    pixels = f"any from {sizes['smallest']} to {sizes['largest']} pixels a side"
    return f"{pixels}, padded to multiples of {sizes['multiple']}"


def _metrics(given: Any) -> str:
    if given is None:
        return "## Metrics\n\nNot measured: `asap evaluate` writes a `metrics.json` that an export takes."
    report = read_json(Path(str(given)).expanduser())
    scores = report.get("metrics") if isinstance(report, Mapping) else None
    if not isinstance(scores, Mapping) or not all(
        isinstance(value, int | float) for value in scores.values()
    ):
        raise UserError(f"card.metrics={given}: no report of 'asap evaluate' (its metrics.json was expected)")
    rows = [f"| {name} | {value:.4g} |" for name, value in scores.items()]
    images = report.get("images", "?")
    return f"## Metrics\n\nOn {images} images.\n\n| metric | value |\n|---|---|\n" + "\n".join(rows)
