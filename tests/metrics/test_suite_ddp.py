"""Two real processes, one of which has no image at all."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from asap_lightning.metrics import MetricSuite, pairs_of

SCRIPT = """
import sys
import torch
from torch import distributed
from asap_lightning.metrics import MetricSuite, pairs_of

rank, rendezvous, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
distributed.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
torch.manual_seed(0)
photo = torch.rand(3, 3, 16, 16) * 2 - 1
suite = MetricSuite()
for epoch in range(2):
    share = {0: slice(0, 2 + epoch), 1: slice(2 + epoch, 3)}[rank]  # in the second epoch rank 1 has nothing
    for index, image in enumerate(photo[share]):
        for pairs in pairs_of(image[None] * 0.5, image[None], [f"{rank}_{index}"]):
            suite.update(pairs)
    assert suite.has_updates
    torch.save(suite.compute().values, f"{out}_{rank}_{epoch}.pt")
    suite.reset()
distributed.destroy_process_group()
"""


@pytest.mark.ddp
def test_every_process_gets_the_mean_over_all_images(tmp_path: Path) -> None:
    places = [str(tmp_path / "rendezvous"), str(tmp_path / "values")]
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT]
    processes = [subprocess.Popen([*command, str(rank), *places]) for rank in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    torch.manual_seed(0)
    photo = torch.rand(3, 3, 16, 16) * 2 - 1
    alone = MetricSuite()
    for pairs in pairs_of(photo * 0.5, photo, ["a", "b", "c"]):
        alone.update(pairs)
    for rank in range(2):
        for epoch in range(2):
            values = torch.load(tmp_path / f"values_{rank}_{epoch}.pt", weights_only=True)
            assert values == pytest.approx(alone.compute().values)
