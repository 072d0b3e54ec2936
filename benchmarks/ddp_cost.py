"""What it costs that both networks lie in one DDP module, each idle in the other's backward pass.

Two gloo processes on this machine; three ways to make one generator and one discriminator update of the
demo's networks, in turn: as the package does (one module, ``find_unused_parameters=True``), each network in a
DDP module of its own, and without any exchange.

    python benchmarks/ddp_cost.py
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models import AsapGenerator, MultiscaleDiscriminator

SPEC = ConditionSpec("label", num_classes=12, has_unknown=True)
SMALL = dict(s1=2, s2=8, mlp_width=32, mlp_depth=4, lowres_width=32, lowres_max_width=128, lowres_depth=3)
ROUNDS, WARM_UP = 12, 2


class Both(nn.Module):
    """The demo's generator and discriminator; a call gives the loss of one of them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.generator = AsapGenerator(SPEC, **SMALL)  # type: ignore[arg-type]
        self.discriminator = MultiscaleDiscriminator(SPEC, width=16, layers=3)

    def forward(self, which: str, label: Tensor, photo: Tensor) -> Tensor:
        return loss(which, self.generator, self.discriminator, label, photo)


def loss(which: str, generator: nn.Module, judge: nn.Module, label: Tensor, photo: Tensor) -> Tensor:
    """L1 and adversarial loss of the generator, or the discriminator's hinge loss."""
    planes = SPEC.encode(Condition(label=label))
    if which == "generator":
        image = generator(Condition(label=label)).image
        return (image - photo).abs().mean() - sum(scale[-1].mean() for scale in judge(planes, image))
    with torch.no_grad():
        image = generator(Condition(label=label)).image
    scales = judge(torch.cat([planes, planes]), torch.cat([image, photo]))
    half = len(image)
    total = image.new_zeros(())
    for scale in scales:
        total = total + torch.relu(1 + scale[-1][:half]).mean() + torch.relu(1 - scale[-1][half:]).mean()
    return total


def ways(label: Tensor, photo: Tensor) -> dict[str, Callable[[], None]]:
    """The three ways, by name."""
    one, two, alone = Both(), Both(), Both()
    joint = DistributedDataParallel(one, find_unused_parameters=True)
    generator = DistributedDataParallel(two.generator)
    judge = DistributedDataParallel(two.discriminator)

    def in_one_module() -> None:
        for which in ("generator", "discriminator"):
            one.zero_grad()
            joint(which, label, photo).backward()

    def in_two_modules() -> None:
        two.zero_grad()
        loss("generator", generator, two.discriminator, label, photo).backward()
        two.zero_grad()
        loss("discriminator", two.generator, judge, label, photo).backward()

    def without_exchange() -> None:
        for which in ("generator", "discriminator"):
            alone.zero_grad()
            alone(which, label, photo).backward()

    return {
        "one module, find_unused_parameters": in_one_module,
        "two modules": in_two_modules,
        "no exchange": without_exchange,
    }


def measure(rank: int, world: int) -> None:
    """One process; the first prints the medians."""
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29533")
    dist.init_process_group("gloo", rank=rank, world_size=world)
    torch.set_num_threads(1)
    torch.manual_seed(rank)
    calls = ways(torch.randint(13, (2, 128, 128)), torch.rand(2, 3, 128, 128) * 2 - 1)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            dist.barrier()
            start = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - start))
    if rank == 0:
        for name, values in times.items():
            print(f"{name:36} {statistics.median(values[WARM_UP:]):6.1f} ms a step")
    dist.destroy_process_group()


if __name__ == "__main__":
    mp.spawn(measure, args=(2,), nprocs=2)
