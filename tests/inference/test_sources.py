"""What may be named where a model is wanted; addresses are served from this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import torch

import small
from asap_lightning import download as downloading
from asap_lightning.box import MODELS
from asap_lightning.checkpoint import ModelDescription
from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.inference.sources import find_model
from asap_lightning.model_file import write_model
from local_server import serving

SPEC = ConditionSpec("label", num_classes=3)
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file."""
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    generator = small.asap_generator(SPEC)
    description = ModelDescription(
        SPEC.as_dict(), {"_target_": "asap_lightning.models.AsapGenerator", **small.ASAP}
    )
    write_model(path, description, generator.state_dict())
    return path


@dataclass
class Server:
    """Serves one content at every path, as a plain server or as a hub; counts, and misbehaves as told."""

    content: bytes
    url: str = ""
    etag: str = '"one"'
    drop_after: int | None = None
    claims: int | None = None
    commit: str = COMMIT
    digest: str | None = None
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    told: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        told, asked = self.told, self.headers.get("Range")
        told.asked.append((self.command, self.path, asked))
        if "missing" in self.path:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        same = self.headers.get("If-Range") in (None, told.etag)
        start = int(asked.removeprefix("bytes=").rstrip("-").split("-")[0]) if asked and same else 0
        content = told.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(told.claims or len(content)))
        digest = told.digest or hashlib.sha256(told.content).hexdigest()
        self.send_header("ETag", f'"{digest}"' if "/resolve/" in self.path else told.etag)
        self.send_header("X-Repo-Commit", told.commit)
        self.end_headers()
        if not body:
            return
        if told.drop_after is not None:
            content, told.drop_after = content[: told.drop_after], None
            self.wfile.write(content)
            self.close_connection = True
            return
        self.wfile.write(content)


@pytest.fixture
def server(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    told = Server(model.read_bytes())
    handler = type("Handler", (_Handler,), {"told": told})
    monkeypatch.setenv("ASAP_CACHE", str(tmp_path / "cache"))
    with serving(handler) as told.url:
        yield told


@pytest.fixture
def hub(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    return server


def checksum(server: Server) -> str:
    return hashlib.sha256(server.content).hexdigest()


def test_the_models_in_the_box_come_before_files_of_their_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("facades").write_bytes(b"another")
    assert find_model("facades").name == "facades.safetensors"
    assert find_model("./facades") == Path("facades")


def test_files_and_folders(model, tmp_path):
    assert find_model(model) == find_model(model.parent) == model
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints/last.ckpt").touch()
    assert find_model(run).name == "last.ckpt"
    (run / "checkpoints/best.ckpt").touch()
    assert find_model(run).name == "best.ckpt"


@pytest.mark.parametrize(
    "source", ["nowhere.ckpt", "", "ftp://example.org/a", "hf://owner@main", "hf://a/b", "hf://a/../b@main"]
)
def test_what_is_no_model_is_said_with_what_was_expected(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"expected|without model.safetensors"):
        find_model(source)


def test_an_address_is_fetched_once(server):
    source = f"{server.url}/a/model.safetensors#sha256={checksum(server)}"
    path = find_model(source)
    assert path.read_bytes() == server.content
    assert find_model(source) == path and len(server.asked) == 1
    assert Translator.load(source, device="cpu").spec == SPEC


def test_another_content_than_the_checksum_says_is_refused_and_removed(server, tmp_path):
    with pytest.raises(UserError, match="is not the file it should be: its sha256 is"):
        find_model(f"{server.url}/model.safetensors#sha256={'0' * 64}")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.suffix in (".safetensors", ".part")]
    with pytest.raises(UserError, match="a checksum sha256=HEX"):
        find_model(f"{server.url}/model.safetensors#md5=1")


def test_an_interrupted_download_is_continued(server, monkeypatch):
    monkeypatch.setattr(downloading, "PIECE", 250)
    server.drop_after = 1000
    source = f"{server.url}/model.safetensors"
    with pytest.raises(UserError, match="What has arrived is kept"):
        find_model(source)
    assert find_model(source).read_bytes() == server.content
    assert [asked for _, _, asked in server.asked] == [None, "bytes=1000-"]


def test_a_file_that_has_changed_meanwhile_is_fetched_anew(server):
    server.drop_after = 1000
    with pytest.raises(UserError):
        find_model(f"{server.url}/model.safetensors")
    server.etag, server.content = '"two"', server.content[::-1]
    assert find_model(f"{server.url}/model.safetensors").read_bytes() == server.content


def test_an_address_that_fails_is_named(server):
    with pytest.raises(UserError, match="cannot be read: 404"):
        find_model(f"{server.url}/missing.safetensors")
    with pytest.raises(UserError, match="Is the server reachable"):
        find_model("http://127.0.0.1:9/model.safetensors")
    with pytest.raises(UserError, match="at most 10 was expected"):
        downloading.download(f"{server.url}/large.safetensors", most=10)


def test_a_repository_of_a_hub(hub, caplog):
    path = find_model("hf://owner/name@main")
    assert path.read_bytes() == hub.content
    assert {path.partition("?")[0] for _, path, _ in hub.asked if "resolve" in path} == {
        "/owner/name/resolve/main/model.safetensors",
        f"/owner/name/resolve/{COMMIT}/model.safetensors",
    }
    hub.asked.clear()
    assert find_model(f"hf://owner/name@{COMMIT}") == path and not hub.asked, (
        "a commit needs no network twice"
    )


def test_a_hub_that_lies_is_refused(hub, tmp_path):
    hub.digest = "0" * 64
    with pytest.raises(UserError, match="is not the file that the hub lists"):
        find_model("hf://owner/name@main")
    assert not list((tmp_path / "cache").rglob("0" * 64))
    hub.digest, hub.commit = None, "f" * 40
    with pytest.raises(UserError, match="answered with commit ffff"):
        find_model(f"hf://owner/name@{COMMIT}")
    with pytest.raises(UserError, match="cannot be fetched"):
        find_model("hf://owner/missing@main")


@pytest.mark.parametrize("name", MODELS)
def test_every_model_in_the_box_translates(name):
    translator = Translator.load(name, device="cpu")
    classes = translator.spec.label_channels
    label = torch.arange(classes).repeat_interleave(8)[None].expand(64, -1).numpy()
    image = translator(label)
    assert image.shape == (*label.shape, 3) and image.std() > 10
    assert find_model(name).stat().st_size < 6e6
    card = find_model(name).with_suffix(".md").read_text()
    assert "licence" in card.lower() and "make model" in card
