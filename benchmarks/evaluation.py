"""What measuring costs: PSNR, SSIM and fd_effnet beside EfficientNet-Lite0 alone; memory; the bootstrap.

The suite and the bare network take each batch in turn, so a machine that drifts harms both alike; processor
time is compared. Both sides of a pair pass through the network, so its time is that of two images a pair. The
suite's time holds the final distance. Memory is that of the whole process after so many pairs.

    python benchmarks/evaluation.py --images 1000 --threads 1 --output benchmarks/results/evaluation.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

from asap_lightning.benchmarking.machine import describe
from asap_lightning.evaluation.bootstrap import differences, estimates, resampled_means
from asap_lightning.metrics import MetricSuite, pairs_of
from asap_lightning.models.pretrained.efficientnet_lite0 import EfficientNetLite0, load_efficientnet_lite0

METRICS = ("psnr", "ssim", "fd_effnet")
GOAL_RATIO, GOAL_BOOTSTRAP = 1.3, 2.0
STATUS = Path("/proc/self/status")


def batch_of(index: int, count: int, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth coloured pictures (count, 3, side, side) in [-1, 1], and noisier ones."""
    random = torch.Generator().manual_seed(index)
    coarse = torch.rand(count, 3, 9, 9, generator=random) * 2 - 1
    photo = F.interpolate(coarse, (side, side), mode="bicubic").clamp(-1, 1)
    return (photo + 0.1 * torch.randn(photo.shape, generator=random)).clamp(-1, 1), photo


def timed(call: Callable[[], object]) -> float:
    """Processor seconds; on a GPU (where it waits) seconds."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    begun = clock()
    call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return clock() - begun


def mebibytes() -> dict[str, int] | None:
    """Memory of the process, now and at most so far; None where the system does not tell."""
    if not STATUS.is_file():
        return None
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines() if ":" in line)
    return {name: int(lines[key].split()[0]) // 1024 for name, key in (("now", "VmRSS"), ("peak", "VmHWM"))}


@torch.inference_mode()
def measure(images: int, batch: int, side: int, device: torch.device) -> dict[str, Any]:
    """Times an image, the ratio and the memory."""
    network = load_efficientnet_lite0().to(device)
    suite = MetricSuite(METRICS)
    shares = sorted({max(1, images * share // 10) for share in (1, 5, 10)})
    memory: dict[str, Any] = {}
    times: dict[str, list[float]] = {"suite": [], "network": []}
    warm_up(network, side, device)
    for index, first in enumerate(tqdm(range(0, images, batch), desc="batches")):
        count = min(batch, images - first)
        generated, photo = (part.to(device) for part in batch_of(index, count, side))
        names = [str(first + number) for number in range(count)]

        def take(generated=generated, photo=photo, names=names) -> None:
            for pairs in pairs_of(generated, photo, names):
                suite.update(pairs)

        seen = [((part + 1) * 127.5).round().to(torch.uint8) for part in (generated, photo)]
        tasks = [
            ("network", lambda seen=seen: [network(part) for part in seen]),
            ("suite", take),
        ]
        for name, task in tasks if index % 2 else reversed(tasks):
            times[name].append(timed(task) / count)
        for share in shares:
            if first < share <= first + count:
                memory[str(share)] = mebibytes()
    found: dict[str, Any] = {}
    finishing = timed(lambda: found.update(suite.compute().values))
    alone = statistics.median(times["network"])
    whole = statistics.median(times["suite"]) + finishing / images
    return {
        "milliseconds_a_pair": {"suite": 1e3 * whole, "network": 1e3 * alone},
        "milliseconds_of_the_distance": 1e3 * finishing,
        "ratio": whole / alone,
        "memory_mib": memory,
        "scores": found,
    }


def warm_up(network: EfficientNetLite0, side: int, device: torch.device) -> None:
    """The first calls plan convolutions."""
    suite = MetricSuite(METRICS)
    generated, photo = (part.to(device) for part in batch_of(0, 2, side))
    for pairs in pairs_of(generated, photo, ["a", "b"]):
        suite.update(pairs)
        network(pairs.any.pixels)


def bootstrap(images: int = 5000, draws: int = 1000, models: int = 3) -> dict[str, float]:
    """Seconds of the intervals and paired differences of one metric of some models."""
    scores = np.random.default_rng(0).normal(20, 3, (models, images))

    def task() -> None:
        means = resampled_means(scores, draws)
        estimates(scores, means), differences(scores, means)

    return {"images": images, "draws": draws, "models": models, "seconds": timed(task)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1000, help="pairs that are measured")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--threads", type=int, default=0, help="0: as many as torch takes")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    result = measure(options.images, options.batch, options.side, device)
    drawn = bootstrap()
    shown = result["milliseconds_a_pair"]
    print(f"{' + '.join(METRICS)}: {shown['suite']:.1f} ms a pair of {options.side} x {options.side}")
    print(f"EfficientNet-Lite0 alone: {shown['network']:.1f} ms")
    print(f"ratio {result['ratio']:.2f} (at most {GOAL_RATIO})")
    for count, memory in result["memory_mib"].items():
        print(f"after {count} pairs: {memory} MiB")
    print(f"bootstrap: {drawn['seconds']:.2f} s (at most {GOAL_BOOTSTRAP})")
    if options.output:
        settings = {"images": options.images, "batch": options.batch, "side": options.side}
        about = {"machine": describe(device, options.threads), "settings": settings}
        with open(options.output, "w", encoding="utf-8") as file:
            json.dump({**about, **result, "bootstrap": drawn}, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
