"""The facades study of docs/results.md: five trainings of equal time on one core each, then their table.

    python scripts/facades_study.py FACADES [OUT]

FACADES holds pix2pix's facades (train/, val/). What was interrupted goes on, what is finished stays. OUT, by
default runs/facades_study, receives a folder a run, ``table/`` (comparison.html, .md, .csv, .json, pictures)
and ``latency.json``: two sizes, one core.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

SYSTEMS = ("asap", "pix2pix", "pix2pixhd", "spade", "pix2pix_published")
NAMES = ("ASAP-Net", "pix2pix (U-Net)", "pix2pixHD", "SPADE", "pix2pix as published")
METRICS = "fd_effnet,kid_effnet,effnet_distance,psnr,ssim,l1"
SEGMENTER = (
    "segmenter=train",
    "segmenter.fit.steps=700",
    "segmenter.fit.crop=128",
    "segmenter.fit.batch=16",
)
SIZES = (256, 512)
ONE_CORE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def asap(*words: str) -> None:
    """Runs a command of the program on one core; its errors end the study."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    command = [sys.executable, "-m", "asap_lightning", *words]
    subprocess.run(command, check=True, env={**os.environ, **ONE_CORE})


def latencies(checkpoints: dict[str, Path], file: Path) -> None:
    """Milliseconds an image, the least of ten calls, for each size; the systems take turns."""
    import torch

    from asap_lightning.evaluation.cost.checkpoint import measure_checkpoint

    torch.set_num_threads(1)
    measured: dict[str, dict[int, float]] = {name: {} for name in checkpoints}
    for size in SIZES:
        for name, path in checkpoints.items():
            cost = measure_checkpoint(path, device="cpu", size=(size, size))
            measured[name][size] = round(cost.latency_ms or 0.0, 1)
    file.write_text(json.dumps(measured, indent=1) + "\n")
    for name, times in measured.items():
        print(f"{name:22}", *(f"{size}: {ms:7.1f} ms" for size, ms in times.items()))


def write_pictures(checkpoint: Path, folder: Path) -> Path:
    """The validation pairs as a model translates them, as PNG files called like the pairs.

    For pix2pix as published, whose condition is the picture of the labels: it is measured by its pictures, on
    the labels that the others are measured on.
    """
    import numpy as np
    from PIL import Image

    from asap_lightning.data.batch import collate
    from asap_lightning.evaluation.training_data import training_data
    from asap_lightning.inference import Translator

    translator = Translator(checkpoint, device="cpu")
    assert translator.description is not None
    data = training_data(translator.description.data, place=str(checkpoint))
    dataset = data.evaluation_dataset("val")
    folder.mkdir(parents=True, exist_ok=True)
    for index, item in enumerate(data.items("val")):
        image = translator.translate(collate([dataset[index]]).condition)[0]
        pixels = ((image + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0)
        Image.fromarray(np.asarray(pixels)).save(folder / f"{item.name}.png")
    return folder


def main() -> None:
    """Trains, compares, measures."""
    root = Path(sys.argv[1]).resolve()
    out = Path(sys.argv[2] if len(sys.argv) > 2 else "runs/facades_study").resolve()
    checkpoints = {}
    for system, name in zip(SYSTEMS, NAMES, strict=True):
        run = out / system
        asap("train", f"experiment=facades_study_{system}", f"data.root={root}", "data.num_workers=0",
             f"hydra.run.dir={run}", "ckpt=auto")  # fmt: skip
        checkpoints[name] = run / "checkpoints/last.ckpt"
    models = list(checkpoints.values())
    models[-1] = write_pictures(models[-1], out / "pictures" / SYSTEMS[-1])
    asap(
        *("evaluate", "compare", *map(str, models), f"names={list(NAMES)}".replace("'", '"')),
        *(f"output={out / 'table'}", "evaluation=custom", f"evaluation.metrics=[{METRICS}]", *SEGMENTER),
        *("metric=effnet_distance", "cases=4", f"runs={out}", "device=cpu", "seed=0", f"data.root={root}"),
    )
    latencies(checkpoints, out / "latency.json")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main()
