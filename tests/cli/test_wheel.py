"""What the wheel carries, and that the configuration is found in an installed copy."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """The wheel, built without a compiler, so that this also is the install of a machine without one."""
    pytest.importorskip("scikit_build_core")
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, repository],
        env={**os.environ, "CC": "/nonexistent/cc", "CXX": "/nonexistent/c++"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.mark.slow
def test_wheel_carries_every_configuration_and_module(wheel: Path, repository: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for path in CONF.rglob("*.yaml"):
        assert f"asap_lightning/conf/{path.relative_to(CONF).as_posix()}" in names
    source = repository / "src"
    for path in source.rglob("*.py"):
        assert path.relative_to(source).as_posix() in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests/") for name in names)


@pytest.mark.slow
def test_an_installed_copy_composes_its_own_configuration(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # An editable install's import hook would come before the extracted copy.
    script = (
        "import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in type(f).__module__]\n"
        "from asap_lightning.configuration.configs import conf_dir; from asap_lightning.cli import main\n"
        f"assert str(conf_dir()).startswith({str(site)!r}), conf_dir()\n"
        "sys.exit(main(['train', '--cfg', 'job', 'experiment=facades_512']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "height: 512" in done.stdout
