"""``asap doctor``: what is here, in one look."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from asap_lightning.commands import doctor
from asap_lightning.metrics.features import networks, torchvision_networks
from asap_lightning.models.pretrained import vgg

ROOT = Path(__file__).resolve().parents[2]


def test_everything_that_is_needed_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main([]) == 0
    told = capsys.readouterr().out
    for title in ("needed", "kernels", "extras", "weights of networks that others trained", "programs"):
        assert re.search(rf"^{title}$", told, re.M)
    assert re.search(r"^  ok  torch +\d", told, re.M) and re.search(r"^  ok  cpu +\d+ threads", told, re.M)
    assert re.search(r"^  (ok|--)  native +", told, re.M)


def test_what_is_missing_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    version = doctor._version
    lacking = {"wandb", "av"}
    monkeypatch.setattr(doctor, "_version", lambda name: None if name in lacking else version(name))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert doctor.main([]) == 1
    told = capsys.readouterr().out
    assert re.search(r"--  wandb +missing: pip install wandb", told)
    assert re.search(
        r"--  video +pip install 'asap-lightning\[video\]' brings asap video \(missing: av\)", told
    )
    assert re.search(
        r"--  VGG-19 +the perceptual loss of the papers: .*/vgg19-dcbb9e9d.pth is not there; python -c", told
    )
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / "vgg19-dcbb9e9d.pth").touch()
    doctor.main([])
    assert re.search(r"ok  VGG-19 +/", capsys.readouterr().out)


def test_a_broken_torch_is_told() -> None:
    """In a process of its own: whatever needs torch is left out, and the rest is still shown."""
    program = "import sys; sys.modules['torch'] = None; from asap_lightning.commands import doctor; "
    done = subprocess.run(
        [sys.executable, "-c", f"{program}sys.exit(doctor.main([]))"], capture_output=True, text=True
    )
    assert done.returncode == 1 and not done.stderr
    assert "torch cannot be imported" in done.stdout and "\nextras\n" in done.stdout


def test_the_tables_are_those_of_the_package() -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(doctor.BRINGS) == set(stated) - {"dev"}
    files = {file for _, _, file in torchvision_networks.BACKBONES.values()}
    files |= {torchvision_networks.INCEPTION_V3, networks.INCEPTION_FILE, vgg.WEIGHT_FILE}
    assert set(doctor.WEIGHTS) == files
