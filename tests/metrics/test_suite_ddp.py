"""Two real processes, one of which has no image at all, give one process's values."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from asap_lightning.metrics import MetricSuite, pairs_of

NAMES = (
    *("psnr", "ssim", "l1", "fd_custom", "kid_custom"),
    *("precision_custom", "recall_custom", "density_custom", "coverage_custom"),
)
SCRIPT = """
import sys
import torch
from torch import distributed
sys.path.insert(0, sys.argv[4])
from test_suite_ddp import NAMES, pictures, settings
from asap_lightning.metrics import MetricSuite, pairs_of

rank, rendezvous, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
distributed.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
generated, photo = pictures()
suite = MetricSuite(NAMES, settings=settings(out))
for epoch in range(2):
    share = {0: slice(0, 9 + 5 * epoch), 1: slice(9 + 5 * epoch, 14)}[rank]  # at last rank 1 has nothing
    for index, (made, image) in enumerate(zip(generated[share], photo[share])):
        for pairs in pairs_of(made[None], image[None], [f"{rank}_{index}"]):
            suite.update(pairs)
    assert suite.has_updates
    torch.save(suite.compute().values, f"{out}_{rank}_{epoch}.pt")
    suite.reset()
distributed.destroy_process_group()
"""


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """Fourteen generated images and their photos."""
    random = torch.Generator().manual_seed(0)
    photo = torch.rand(14, 3, 16, 16, generator=random) * torch.rand(14, 3, 1, 1, generator=random) * 2 - 1
    return photo * 0.3, photo


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())


def settings(out: str) -> dict:
    """The small network with the weights beside ``out``."""
    return {"custom": {"network": network(), "weights": f"{out}_weights.pth"}}


@pytest.mark.ddp
def test_every_process_gets_the_scores_of_all_images(tmp_path: Path) -> None:
    out = str(tmp_path / "values")
    torch.save(network().state_dict(), f"{out}_weights.pth")
    words = [str(tmp_path / "rendezvous"), out, str(Path(__file__).parent)]
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT]
    processes = [subprocess.Popen([*command, str(rank), *words]) for rank in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    alone = MetricSuite(NAMES, settings=settings(out))
    for pairs in pairs_of(*pictures(), [str(index) for index in range(14)]):
        alone.update(pairs)
    expected = alone.compute().values
    assert None not in expected.values() and 0 < expected["coverage_custom"] < 1
    for rank in range(2):
        for epoch in range(2):
            values = torch.load(f"{out}_{rank}_{epoch}.pt", weights_only=True)
            assert values == pytest.approx(expected, rel=1e-5)
