"""Pyramids for tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from asap_lightning.singan.checkpoint import Pyramid
from pyramids import Recording, make_pyramid, read_recording


@pytest.fixture
def pyramid() -> Pyramid:
    """Three scales with random weights."""
    return make_pyramid()


@pytest.fixture(scope="session")
def recording(shared_dir: Path) -> Recording:
    """Applications of a pyramid that the authors' program trained."""
    file = shared_dir / "reference2" / "singan_applications.pt"
    if not file.is_file():
        pytest.skip("the recording of SinGAN's applications is not here")
    return read_recording(file)
