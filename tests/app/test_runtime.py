"""The runtime's files: from a folder or an archive, each compared with what is pinned."""

from __future__ import annotations

import base64
import hashlib
import tarfile
from pathlib import Path

import pytest

from asap_lightning.app import runtime
from asap_lightning.app.runtime import FILES, copy_runtime
from asap_lightning.errors import UserError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An unpacked package whose files are small, pinned as such."""
    dist = tmp_path / "package" / "dist"
    dist.mkdir(parents=True)
    for name in FILES:
        content = f"the file {name}".encode()
        (dist / name).write_bytes(content)
        monkeypatch.setitem(FILES, name, base64.b64encode(hashlib.sha512(content).digest()).decode())
    return dist.parent


def test_the_pinned_digests_are_whole() -> None:
    assert len(FILES) == 6
    assert all(len(base64.b64decode(digest)) == 64 for digest in FILES.values())


@pytest.mark.parametrize("place", [".", "dist", ".."])
def test_from_folders(package: Path, tmp_path: Path, place: str) -> None:
    target = tmp_path / "ort"
    target.mkdir()
    copy_runtime(target, package / place)
    assert {path.name for path in target.iterdir()} == {*FILES, "LICENSE"}
    assert "MIT License" in (target / "LICENSE").read_text()


def test_from_an_archive(package: Path, tmp_path: Path) -> None:
    target, archive = tmp_path / "ort", tmp_path / "package.tgz"
    target.mkdir()
    with tarfile.open(archive, "w:gz") as written:
        written.add(package, "package")
    copy_runtime(target, archive)
    assert (target / "ort.wasm.min.mjs").read_text() == "the file ort.wasm.min.mjs"


def test_what_is_not_the_pinned_file(package: Path, tmp_path: Path) -> None:
    (package / "dist" / "ort.wasm.min.mjs").write_text("another version")
    with pytest.raises(UserError, match=r"ort\.wasm\.min\.mjs is not that of onnxruntime-web 1\.30\.0"):
        copy_runtime(tmp_path, package)
    (package / "dist" / "ort.wasm.min.mjs").unlink()
    with pytest.raises(UserError, match=r"has no ort\.wasm\.min\.mjs; the unpacked npm package"):
        copy_runtime(tmp_path, package)
    (tmp_path / "no.tgz").write_text("no archive")
    with pytest.raises(UserError, match=r"holds no package/dist/ort\.wasm\.min\.mjs"):
        copy_runtime(tmp_path, tmp_path / "no.tgz")
    with pytest.raises(UserError, match="there is no such file or folder"):
        copy_runtime(tmp_path, tmp_path / "nowhere")


def test_without_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match=r"npm, which would fetch them, is not installed: .*runtime=PATH"):
        copy_runtime(tmp_path)


def test_npm_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error network is down' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setattr(runtime.shutil, "which", lambda name: str(npm))
    with pytest.raises(
        UserError, match=r"could not fetch onnxruntime-web 1\.30\.0 \(npm error network is down\)"
    ):
        copy_runtime(tmp_path)


def test_npm_that_works(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, archive, npm = tmp_path / "ort", tmp_path / "ready.tgz", tmp_path / "npm"
    target.mkdir()
    with tarfile.open(archive, "w:gz") as written:
        written.add(package, "package")
    npm.write_text(f'#!/bin/sh\n[ "$2" = onnxruntime-web@1.30.0 ] && cp {archive} "$5/made.tgz"\n')
    npm.chmod(0o755)
    monkeypatch.setattr(runtime.shutil, "which", lambda name: str(npm))
    copy_runtime(target)
    assert (target / "ort.wasm.min.mjs").exists()
