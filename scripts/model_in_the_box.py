"""Writes the model that comes with the package from a run of ``asap train experiment=facades_model``.

    python scripts/model_in_the_box.py RUN

measures the run's last averaged weights, as the package will carry them (float16), on the pairs that the
training validated on, and writes ``src/asap_lightning/box/facades.safetensors`` with its card.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from asap_lightning.box import boxed
from asap_lightning.checkpoint import ModelDescription, read_checkpoint
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write, sha256_of
from asap_lightning.inference import load_generator
from asap_lightning.model_file import write_model
from asap_lightning.run_folder.names import LAST

REPOSITORY = Path(__file__).resolve().parents[1]
METRICS = ("psnr", "ssim", "l1", "fd_effnet")
CARD = """# facades

An ASAP-Net of {parameters:.1f} M parameters that turns label maps of facades into pictures;
{megabytes:.1f} MB in float16.

- **Input**: (H, W) ids of the CMP facades' {classes} channels: {names}. Any size; made for 512 x 512.
- **Network**: S1 {s1}, S2 {s2}, so tiles of {tile} x {tile} pixels; MLPs of {depth} layers, {width} wide.
- **Data**: 360 drawn facades of 512 x 512, of which crops of 256 x 256 were seen
  (`asap data demo --count 400 --size 512`). This package draws them: no photo, and no
  photo's licence, is in them.
- **Training**: `asap train experiment=facades_model`, {steps} updates; averaged weights.
- **Licence**: Apache-2.0, as the package.
- **What it is not for**: it has seen one style of drawn houses alone. It shows what the method does; it
  is no model of photographs.

Measured on the 40 drawn facades of 512 x 512 that the training did not see, by
`asap evaluate model=facades data=demo data.root=data/facades_512 data.eval_mode=none evaluation=custom
evaluation.metrics=[{metrics}]`:

| metric | value |
|---|---|
{rows}

`fd_effnet`: Frechet distance of EfficientNet-Lite0's features; of so few images it is larger than of many.

Made anew by `make model`. SHA-256 of `facades.safetensors`: `{digest}`
"""


def main(run: Path) -> None:
    """Packs, measures, describes.

    Raises:
        UserError: the run has no checkpoint.
    """
    checkpoint = run / LAST
    generator, description = load_generator(checkpoint, "ema")
    target = boxed("facades")
    write_model(target, description, generator.state_dict(), kind="ema", dtype="float16")
    parameters = sum(value.numel() for value in generator.parameters())
    steps = read_checkpoint(checkpoint)["global_step"]
    card = card_of(description, parameters, steps, target, measured(description))
    with atomic_write(target.with_suffix(".md"), "w") as file:
        file.write(card)
    print(f"{target}: {target.stat().st_size} bytes\n\n{card}")


def measured(description: ModelDescription) -> dict[str, Any]:
    """The figures of the packed model on the validation pairs of its training."""
    output = REPOSITORY / "runs" / "model_in_the_box"
    words = (
        *("model=facades", "data=demo", f"data.root={description.data['root']}", "data.eval_mode=none"),
        *("evaluation=custom", f"evaluation.metrics=[{','.join(METRICS)}]", f"output={output}"),
    )
    subprocess.run([sys.executable, "-m", "asap_lightning", "evaluate", *words], check=True, cwd=REPOSITORY)
    found: dict[str, Any] = json.loads((output / "metrics.json").read_text())
    return found


def card_of(
    description: ModelDescription, parameters: int, steps: int, target: Path, report: dict[str, Any]
) -> str:
    """The card, with what was measured."""
    network, names = description.generator, description.spec["class_names"]
    scores = report["metrics"]
    return CARD.format(
        parameters=parameters / 1e6,
        megabytes=target.stat().st_size / 1e6,
        classes=len(names),
        names=", ".join(f"{index} {name}" for index, name in enumerate(names)),
        s1=network["s1"],
        s2=network["s2"],
        tile=network["s1"] * network["s2"],
        depth=network["mlp_depth"],
        width=network["mlp_width"],
        steps=steps,
        metrics=",".join(METRICS),
        rows="\n".join(f"| {name} | {scores[name]:.4g} |" for name in METRICS),
        digest=sha256_of(target),
    )


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except (UserError, IndexError) as error:
        sys.exit(f"{error}\n{__doc__}")
