"""``wandb:entity/project/artifact:alias``: a fake of W&B's API, real errors of servers that are not there."""

import http.server
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import wandb

from asap_lightning.errors import UserError
from asap_lightning.tracking import download_checkpoint
from asap_lightning.tracking.artifacts import known_artifact
from asap_lightning.tracking.references import parse_reference
from asap_lightning.tracking.server import require_server, server_address
from local_server import serving

NAME = "wandb:us/facades/model-1a2b:best"


def server(status: int) -> Iterator[str]:
    """A server that answers everything with ``status``; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    with serving(Handler) as url:
        yield url


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for address in server(200):
        monkeypatch.setenv("WANDB_BASE_URL", address)
        monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
        yield address


class FakeApi:
    """One artifact, ``us/facades/model-1a2b``, whose ``best`` is v1."""

    files: dict[str, bytes] = {"model.ckpt": b"weights", "notes.txt": b""}  # noqa: RUF012
    downloads: list[str] = []  # noqa: RUF012

    def __init__(self, timeout: int) -> None:
        pass

    def artifact(self, path: str) -> Any:
        if path not in ("us/facades/model-1a2b:best", "us/facades/model-1a2b:v1"):
            raise wandb.errors.CommError(f"artifact {path} not found\nmore")
        return SimpleNamespace(
            entity="us",
            project="facades",
            name="model-1a2b:v1",
            version="v1",
            manifest=SimpleNamespace(entries=self.files),
            download=self.download,
        )

    def download(self, root: str, path_prefix: str, skip_cache: bool) -> str:
        self.downloads.append(path_prefix)
        (Path(root) / path_prefix).write_bytes(self.files[path_prefix])
        return root


@pytest.fixture
def api(healthy: str, monkeypatch: pytest.MonkeyPatch) -> type[FakeApi]:
    monkeypatch.setattr(wandb, "Api", FakeApi)
    monkeypatch.setattr(FakeApi, "downloads", [])
    return FakeApi


def test_a_download_is_kept_and_known(api: type[FakeApi], tmp_path: Path) -> None:
    path = download_checkpoint(NAME, tmp_path / "cache")
    assert path.read_bytes() == b"weights" and path.is_relative_to(tmp_path / "cache")
    assert known_artifact(path) == "us/facades/model-1a2b:v1"
    assert download_checkpoint(NAME, tmp_path / "cache") == path
    assert api.downloads == ["model.ckpt"]
    assert not list((tmp_path / "cache").rglob(".download-*"))


def test_a_fixed_version_in_the_cache_needs_no_server(
    api: type[FakeApi], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = download_checkpoint(NAME, tmp_path / "cache")
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert download_checkpoint(NAME.replace(":best", ":v1"), tmp_path / "cache") == path
    with pytest.raises(UserError, match=r"switched off .WANDB_MODE=offline"):
        download_checkpoint(NAME, tmp_path / "cache")


def test_the_cache_is_the_users(api: type[FakeApi], tmp_path: Path) -> None:
    assert download_checkpoint(NAME).is_relative_to(tmp_path / "cache" / "asap-lightning" / "artifacts")


@pytest.mark.parametrize("text", ["wandb:model", "wandb:us/facades/model", "wandb:a/b/c/d:best", "wandb:"])
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="expected wandb:ENTITY/PROJECT/ARTIFACT:ALIAS"):
        download_checkpoint(text)


def test_the_entity_may_be_left_out() -> None:
    reference = parse_reference("wandb:facades/model-1a2b:v3")
    assert reference.entity is None and reference.path == "facades/model-1a2b:v3" and reference.is_fixed
    assert not parse_reference(NAME).is_fixed


def test_no_such_artifact(api: type[FakeApi], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"initialize=.*has no such artifact.*not found\); expected wandb:"):
        download_checkpoint(NAME.replace("1a2b", "other"), tmp_path, key="initialize")


def test_an_artifact_without_a_checkpoint(
    api: type[FakeApi], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeApi, "files", {"notes.txt": b""})
    with pytest.raises(UserError, match=r"one \.ckpt file, found 0 \(notes\.txt\)"):
        download_checkpoint(NAME, tmp_path)


@pytest.mark.parametrize("name", ["../../escaped.ckpt", "/tmp/escaped.ckpt", "a/../../b.ckpt"])
def test_a_file_outside_the_cache_is_refused(
    api: type[FakeApi], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(api, "files", {name: None})
    with pytest.raises(UserError, match="is refused: it would be written to"):
        download_checkpoint(NAME, tmp_path / "cache")
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_failed_download_leaves_nothing(
    api: type[FakeApi], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any, root: str, **options: Any) -> str:
        (Path(root) / "model.ckpt").write_bytes(b"half")
        raise ConnectionError("reset by peer")

    monkeypatch.setattr(FakeApi, "download", fail)
    with pytest.raises(UserError, match="download has failed: reset by peer"):
        download_checkpoint(NAME, tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_key_that_is_refused(api: type[FakeApi], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, timeout: int) -> None:
        raise wandb.errors.AuthenticationError("API key is invalid")

    monkeypatch.setattr(FakeApi, "__init__", refuse)
    with pytest.raises(UserError, match=r"does not accept the API key.*wandb login"):
        download_checkpoint(NAME, tmp_path)


def test_without_a_key(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no W&B API key for https://api\.wandb\.ai: run `wandb login`"):
        download_checkpoint(NAME, tmp_path)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(UserError, match=r"ckpt=wandb:.*cannot be reached \(no connection.*WANDB_BASE_URL"):
        download_checkpoint(NAME, tmp_path)


def test_a_server_that_is_silent_or_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(UserError, match=r"it does not answer within 0\.2 s"):
            require_server("sync", seconds=0.2)
    for address in server(503):
        monkeypatch.setenv("WANDB_BASE_URL", address)
        with pytest.raises(UserError, match="answers with error 503"):
            require_server("sync")


def test_the_address_of_a_login_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    assert server_address() == "https://api.wandb.ai"
    (tmp_path / "settings").write_text("[default]\nbase_url = https://wandb.example.org/\n")
    assert server_address() == "https://wandb.example.org"
    monkeypatch.setenv("WANDB_BASE_URL", "http://other:8080/")
    assert server_address() == "http://other:8080"
