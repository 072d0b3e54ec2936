"""Fixtures for every test."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: test processes share two cores
# Where it is set, every process that a test starts compiles torch and Lightning anew: most of its time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import pytest
import torch

sys.dont_write_bytecode = False  # it was read off that variable
sys.path.append(str(Path(__file__).parent))  # tests are no package; helpers such as trees.py lie here

if TYPE_CHECKING:
    from trees import Trees

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that take minutes run with `make test-long` alone."""
    if "ASAP_LONG_TESTS" in os.environ:
        return
    for item in items:
        if item.get_closest_marker("long") is not None:
            item.add_marker(pytest.mark.skip(reason="takes minutes: make test-long, or ASAP_LONG_TESTS=1"))


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Two test processes share two cores; small tensors gain nothing from threads."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of reference recordings and sample data beside the repository; skips where there is none."""
    folder = REPOSITORY.parent / "shared"
    if not (folder / "reference").is_dir():
        pytest.skip("the reference recordings and sample data (../shared) are not here")
    return folder


@pytest.fixture(scope="session")
def reference_dir(shared_dir: Path) -> Path:
    """Recordings of the authors' programs."""
    return shared_dir / "reference"


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    """Writes tiny data sets, one builder a layout."""
    from trees import Trees

    return Trees(tmp_path / "data")
