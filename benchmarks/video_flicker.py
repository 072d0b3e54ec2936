"""What smoothing of phi does to flicker: drawn facades that stand still, with noisy labels, and that move.

    python benchmarks/video_flicker.py MODEL.ckpt

Prints a Markdown table (docs/video.md): the flicker of all pixels and of those whose own condition stayed the
same (`asap_lightning.video.Flicker`), and how far the smoothed images are from those of single frames, in
levels of 255.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from asap_lightning.data.demo import draw_facade
from asap_lightning.inference import Translator
from asap_lightning.video import SmoothedTranslator, flicker_of

SIZE, FRAMES, NOISE = 256, 24, 0.02


def standing(noise: float) -> list[NDArray[np.uint8]]:
    """One facade; of every frame another share of the pixels has a random class."""
    label, random = draw_facade(1, 0, SIZE).label, np.random.default_rng(0)
    frames = []
    for _ in range(FRAMES):
        wrong = random.random(label.shape) < noise
        frames.append(np.where(wrong, random.integers(1, 13, label.shape), label).astype(np.uint8))
    return frames


def moving(step: int) -> list[NDArray[np.uint8]]:
    """A pan along three facades, by so many pixels a frame."""
    wide = np.concatenate([draw_facade(1, number, SIZE).label for number in range(3)], axis=1)
    return [np.ascontiguousarray(wide[:, step * t : step * t + SIZE]) for t in range(FRAMES)]


def main() -> None:
    """Prints the table."""
    translator = Translator(sys.argv[1], device="cpu")
    scenes = {
        f"stands still, {NOISE:.0%} of the labels wrong": standing(NOISE),
        "moves by 1 pixel a frame": moving(1),
        "moves by 4 pixels a frame": moving(4),
    }
    print("| scene | smoothing | flicker | flicker where still | distance from single frames |")
    print("|---|---|---|---|---|")
    for name, frames in scenes.items():
        single = [translator(frame) for frame in frames]
        for smoothing in (0.0, 0.5, 0.8, 0.95):
            translate = SmoothedTranslator(translator, smoothing)
            images = [translate(frame) for frame in frames]
            figures = flicker_of(images, frames)
            away = np.mean([np.abs(a.astype(int) - b).mean() for a, b in zip(images, single, strict=True)])
            row = (name, f"{smoothing:g}", f"{figures.all:.2f}", f"{figures.still:.2f}", f"{away:.2f}")
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
