from __future__ import annotations

import subprocess
import sys

import pytest


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_importing_the_room_is_light():
    assert not loaded_after("import asap_lightning.data") & {
        "pytorch_lightning",
        "albumentations",
        "cv2",
        "torch",
    }


def test_reading_needs_neither_lightning_nor_albumentations_nor_h5py():
    loaded = loaded_after("from asap_lightning.data import PairedDataset; import asap_lightning.data.layouts")
    assert not loaded & {"pytorch_lightning", "albumentations", "cv2", "h5py", "hydra"}


def test_names_are_exported():
    import asap_lightning.data as data

    for name in data.__all__:
        assert getattr(data, name).__name__ == name
    assert set(data.__all__) <= set(dir(data))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        data.nothing  # noqa: B018
