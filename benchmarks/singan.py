"""Iterations of SinGAN's training at every scale, beside a straightforward implementation; samples; memory.

Both train the same networks on the same image in turns, on one thread. Times are the process's own (CPU)
seconds, because a busy machine's clock measures the other programs, and the table holds medians. The scales
below carry untrained weights: what they compute takes as long. Samples are drawn by the native library and by
torch in turns. The memory is that of a process of its own that computes one large canvas in tiles.

    python benchmarks/singan.py --image IMAGE --rounds 3 --canvas 4096 --out benchmarks/results/singan.json
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.benchmarking.machine import describe, peaks
from asap_lightning.files import atomic_write
from asap_lightning.ops.dispatch import VARIABLE
from asap_lightning.singan.checkpoint import Pyramid, Scale
from asap_lightning.singan.levels import Level, LowerDraws, frozen, pad
from asap_lightning.singan.networks import ScaleDiscriminator, ScaleGenerator
from asap_lightning.singan.noise import SeededNoise
from asap_lightning.singan.passing import Ascent
from asap_lightning.singan.picture import read_image
from asap_lightning.singan.pyramid import Plan, make_levels, plan
from asap_lightning.singan.resize import imresize
from asap_lightning.singan.sampling import draw
from asap_lightning.singan.updates import (
    Noises,
    ScaleTraining,
    UpdateSettings,
    make_optimizer,
    start_networks,
    widths,
)


class Straightforward:
    """The method as it is written down, one thing after the other; the reconstruction below once a scale."""

    def __init__(
        self, real: Tensor, below: list[Level], above: list[tuple[int, int]], factor: float, width: int
    ) -> None:
        self.real, self.below, self.above, self.factor = real, below, above, factor
        self.generator, self.critic = ScaleGenerator(width=width), ScaleDiscriminator(width=width)
        adam = {"lr": 5e-4, "betas": (0.5, 0.999)}
        self.of_generator = torch.optim.Adam(self.generator.parameters(), **adam)
        self.of_critic = torch.optim.Adam(self.critic.parameters(), **adam)
        self.previous = torch.zeros_like(real)
        if below:
            self.previous = self.through([level.fixed_noise for level in below])
        error = F.mse_loss(self.previous, real).sqrt()
        self.amplitude = 0.1 * float(error) if below else 1.0

    def through(self, noises: list[Tensor]) -> Tensor:
        """The scales below, one after the other."""
        image = torch.zeros(1, 3, *self.below[0].size)
        for level, noise, (height, width) in zip(self.below, noises, self.above, strict=True):
            padded = pad(image, 5)
            with torch.no_grad():
                made = level.generator(level.amplitude * noise + padded, padded)
            image = imresize(made, 1 / self.factor)[..., :height, :width]
        return image

    def noise(self, size: tuple[int, int], channels: int) -> Tensor:
        return pad(torch.randn(1, channels, *size).expand(1, 3, -1, -1), 5)

    def iterate(self) -> None:
        """Three updates of the discriminator, three of the generator."""
        size = (self.real.shape[-2], self.real.shape[-1])
        fixed = self.noise(size, 1) if not self.below else torch.zeros(1, 3, size[0] + 10, size[1] + 10)
        noise = self.noise(size, 3 if self.below else 1)
        for _ in range(3):
            self.of_critic.zero_grad()
            (-self.critic(self.real).mean()).backward()
            if self.below:
                drawn = [self.noise(level.size, 3 if at else 1) for at, level in enumerate(self.below)]
                previous = pad(self.through(drawn), 5)
            else:
                previous = pad(torch.zeros_like(self.real), 5)
            entering = self.amplitude * noise + previous
            fake = self.generator(entering, previous)
            self.critic(fake.detach()).mean().backward()
            alpha = torch.rand(1, 1)
            mixed = (alpha * self.real + (1 - alpha) * fake.detach()).requires_grad_()
            scores = self.critic(mixed)
            (slope,) = torch.autograd.grad(scores, mixed, torch.ones_like(scores), create_graph=True)
            (0.1 * ((slope.norm(2, dim=1) - 1) ** 2).mean()).backward()
            self.of_critic.step()
        padded = pad(self.previous, 5)
        for step in range(3):
            self.of_generator.zero_grad()
            if step:
                fake = self.generator(entering, previous)
            (-self.critic(fake).mean()).backward()
            made = self.generator(self.amplitude * fixed + padded, padded)
            (10 * F.mse_loss(made, self.real)).backward()
            self.of_generator.step()


def levels_below(reals: list[Tensor], scale: int, wanted: Plan, channels: list[int]) -> list[Level]:
    """Untrained finished scales."""
    found = []
    for index in range(scale):
        generator = frozen(ScaleGenerator(width=channels[index]))
        assert isinstance(generator, ScaleGenerator)
        noise = pad(torch.randn_like(reals[index]), 5)
        found.append(Level(generator, 0.05, noise, *wanted.sizes[index : index + 2], wanted.factor))
    return found


def both(reals: list[Tensor], scale: int, wanted: Plan) -> dict[str, Callable[[], object]]:
    """One iteration of either implementation."""
    channels = widths(wanted.count, 32, 128)
    below = levels_below(reals, scale, wanted, channels)
    size = wanted.sizes[scale]
    slow = Straightforward(
        reals[scale], below, list(wanted.sizes[1 : scale + 1]), wanted.factor, channels[scale]
    )
    generator, critic = start_networks(channels[scale], None)
    noises = Noises(size, 5, LowerDraws(below, 0) if below else None)
    training = ScaleTraining(reals[scale], below, generator, critic, noises, UpdateSettings())
    optimizers = make_optimizer(critic, 5e-4, 0.5), make_optimizer(generator, 5e-4, 0.5)
    return {"straightforward": slow.iterate, "ours": lambda: training.iterate(*optimizers)}


def seconds(iterate: Callable[[], object], times: int) -> float:
    """CPU seconds an iteration."""
    began = time.process_time()
    for _ in range(times):
        iterate()
    return (time.process_time() - began) / times


def iterations(reals: list[Tensor], wanted: Plan, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Training, a row a scale."""
    rows = []
    print(f"{'scale':>5} {'size':>9} {'straightforward':>16} {'ours':>8}  it/s (CPU), times as fast")
    for scale in options.scales if options.scales is not None else range(wanted.count):
        sides = both(reals, scale, wanted)
        # a batch of draws made ahead is paid by the iterations that use it
        times = max(1, round(options.at_least / seconds(sides["ours"], 1)))
        sides["straightforward"]()
        found: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(options.rounds):
            for name, iterate in sides.items():
                found[name].append(seconds(iterate, times))
        rows.append({"scale": scale, "size": wanted.sizes[scale], "iterations": times, "seconds": found})
        slow, fast = (statistics.median(found[name]) for name in ("straightforward", "ours"))
        height, width = wanted.sizes[scale]
        print(
            f"{scale:>5} {height:>4} x {width:<3} {1 / slow:>15.3f} {1 / fast:>8.3f}  {slow / fast:.2f}",
            flush=True,
        )
    return rows


def untrained(reals: list[Tensor], wanted: Plan) -> Pyramid:
    """A finished pyramid of the published widths."""
    scales: list[Scale] = []
    for real, width in zip(reals, widths(wanted.count, 32, 128), strict=True):
        state = ScaleGenerator(width=width).state_dict()
        scales.append(
            {
                "arguments": {"width": width},
                "state_dict": state,
                "fixed_noise": pad(torch.randn_like(real), 5),
                "noise_amp": 0.05,
                "real": real,
            }
        )
    return Pyramid(tuple(scales), wanted.factor, wanted.count)


def multiplications(wanted: Plan) -> float:
    """Of a sample's convolutions, direct."""
    total = 0
    for (height, width), channels in zip(wanted.sizes, widths(wanted.count, 32, 128), strict=True):
        counts = [3 * channels, *[channels * channels] * 3, channels * 3]
        for layer, count in enumerate(counts):
            border = 8 - 2 * layer
            total += 9 * count * (height + border) * (width + border)
    return float(total)


def samples(pyramid: Pyramid, wanted: Plan, rounds: int, threads: int) -> dict[str, Any]:
    """A sample of the image's size: seconds on the clock and of the process, by either backend."""
    torch.set_num_threads(threads)
    ascents = {name: Ascent(pyramid) for name in ("torch", "native")}

    def measure(name: str) -> tuple[float, float]:
        os.environ[VARIABLE] = name
        began = time.perf_counter(), time.process_time()
        draw(ascents[name], SeededNoise(0))
        return time.perf_counter() - began[0], time.process_time() - began[1]

    for name in ascents:
        measure(name)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ascents}
    for _ in range(rounds):
        for name, times in found.items():
            times.append(measure(name))
    os.environ.pop(VARIABLE)
    rates, count = peaks(torch.device("cpu")), multiplications(wanted)
    result = {
        "threads": threads,
        "seconds_and_cpu_seconds": found,
        "multiplications": count,
        "gflops": rates["gflops"],
        "direct_floor_seconds": 2 * count / rates["gflops"] / 1e9,
    }
    best = {name: min(wall for wall, _ in times) for name, times in found.items()}
    print(
        f"sample, {threads} threads: torch {best['torch']:.3f} s, native {best['native']:.3f} s; direct "
        f"convolution at {rates['gflops']:.0f} GFLOP/s {result['direct_floor_seconds']:.3f} s",
        flush=True,
    )
    return result


def canvas(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds and peak memory of a large square sample, in a process of its own."""
    command = [sys.executable, __file__, "--image", str(options.image), "--memory-of", str(options.canvas)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(
        f"canvas of {options.canvas} x {options.canvas}: {found['seconds']:.0f} s of one core, at most "
        f"{found['peak_bytes'] / 2**30:.2f} GiB, {found['start_bytes'] / 2**30:.2f} GiB of them before it"
    )
    return {"side": options.canvas, **found}


def memory_of(pyramid: Pyramid, side: int) -> dict[str, float]:
    """This process's seconds and peak memory."""

    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    start, began, ascent = peak(), time.process_time(), Ascent(pyramid)
    draw(ascent, SeededNoise(0), 0, ascent.sizes_for(side, side))
    return {"seconds": time.process_time() - began, "start_bytes": start, "peak_bytes": peak()}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-least", type=float, default=1.0, help="seconds of either side in a round")
    parser.add_argument("--scales", type=int, nargs="*", help="which; all by default")
    parser.add_argument("--canvas", type=int, help="side of the large sample; by default there is none")
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    image, _ = read_image(options.image)
    wanted = plan(image.shape[-2], image.shape[-1])
    reals = make_levels(image, wanted)
    if options.memory_of:
        print(json.dumps(memory_of(untrained(reals, wanted), options.memory_of)))
        return 0
    result: dict[str, Any] = {
        "machine": describe(torch.device("cpu"), 1),
        "image": options.image.name,
        "scales": iterations(reals, wanted, options),
    }
    pyramid = untrained(reals, wanted)
    result["samples"] = [samples(pyramid, wanted, 3 * options.rounds, threads) for threads in (1, 2)]
    if options.canvas:
        result["canvas"] = canvas(options)
    if options.out:
        with atomic_write(options.out, "w") as file:
            json.dump(result, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
