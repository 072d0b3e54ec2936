"""The interface over HTTP, in the test's own process."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from asap_lightning.app.application import make_app
from asap_lightning.app.card import ModelCard
from asap_lightning.app.refusals import MEANINGS
from asap_lightning.condition import ConditionSpec
from asap_lightning.data.palettes import class_colours
from asap_lightning.inference import Translator
from asap_lightning.models import SpadeGenerator

from .conftest import LIMITS, SPEC, layout, make_translator, png


def post(client: TestClient, content: bytes, headers: Any = None, **more: Any) -> httpx.Response:
    files = {"image": ("a.png", content), **more.pop("files", {})}
    return client.post("/translate", files=files, data=more, headers=headers)


def pixels(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_a_label_map_becomes_the_translators_picture(client: TestClient, translator: Translator) -> None:
    label = layout(23, 41)  # of no multiple
    expected = translator(label)
    answer = post(client, png(label))
    assert np.array_equal(pixels(answer), expected)
    assert np.array_equal(pixels(post(client, png(class_colours(SPEC)[label]))), expected)
    steps = [step.partition(";")[0] for step in answer.headers["server-timing"].split(", ")]
    assert steps == ["wait", "read", "translate", "write"]


def test_the_model_is_described(client: TestClient) -> None:
    about = client.get("/model").json()
    assert (about["kind"], about["engine"], about["title"]) == ("label", "server", "small")
    assert about["classes"][3] == {"id": 3, "name": "window", "colour": "#0055ff"}
    assert about["size"]["multiple"] == 4 and about["size"]["most_pixels"] == LIMITS.pixels
    assert about["limits"]["upload_bytes"] == LIMITS.upload_bytes
    assert not about["guide"] and not about["seed"] and about["unknown"] is None


def bomb(width: int, height: int) -> bytes:
    """A PNG file whose header promises many pixels, and whose data unfold to a part of them."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def animation(kind: str) -> bytes:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


WRONG_FILES = {
    "empty": (b"", 415, "image is empty"),
    "text": (b"label map", 415, "image is no picture: a PNG, JPEG or WebP file was expected"),
    "gif": (animation("GIF"), 415, "image is a GIF"),
    "animated webp": (animation("WEBP"), 422, "image is an animation of 3 frames"),
    "animated png": (animation("PNG"), 422, "image is an animation of 3 frames"),
    "header alone": (png(layout())[:20], 400, "its header is truncated or damaged"),
    "truncated": (png(layout(60, 60))[:-400], 400, "it is truncated or damaged"),
    "bomb": (bomb(10_000, 10_000), 413, "10000 x 10000 = 100,000,000 pixels; at most 100,000"),
    "short data": (bomb(1100, 90), 200, ""),
    "wrong ids": (png(np.full((8, 8), 77, np.uint8)), 422, r"id 77 \(64 pixels\) outside"),
    "photo": (png(np.full((8, 8, 3), (9, 8, 7), np.uint8)), 422, r"\(9, 8, 7\): 64 pixels"),
    "bytes": (bytes(300_000), 413, "Content Too Large"),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_files_that_are_refused(client: TestClient, name: str) -> None:
    content, status, told = WRONG_FILES[name]
    answer = post(client, content)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert re.search(told, answer.text) and "\n" not in answer.text.strip()
        assert status in MEANINGS
    assert post(client, png(layout())).status_code == 200, "the service goes on"


def test_a_bomb_is_not_decoded(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("its pixels were decoded"))
    assert post(client, bomb(10_000, 10_000)).status_code == 413


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"seed": -1}, "seed: Input should be greater than or equal to 0"),
        ({"seed": 2**31}, "seed: Input should be less"),
        ({"seed": "x"}, "seed: Input should be a valid integer"),
        ({"headers": {"Painter-Id": "a b"}}, "painter-id: String should match"),
        ({"files": {"guide": ("g.png", png(np.zeros((8, 8, 3), np.uint8)))}}, "has no style encoder"),
    ],
)
def test_options_that_are_refused(client: TestClient, options: dict[str, Any], told: str) -> None:
    answer = post(client, png(layout()), **options)
    assert answer.status_code == 422 and told in answer.json()["detail"]


def test_bodies_that_are_no_forms(client: TestClient) -> None:
    for kind in ("application/json", "image/png", "application/x-www-form-urlencoded"):
        answer = client.post("/translate", content=b"{}", headers={"content-type": kind})
        assert answer.status_code == 415 and f"the body is {kind}" in answer.json()["detail"]
    assert client.post("/translate").status_code == 415
    form = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/translate", content=b"nonsense", headers=form).status_code == 400
    assert (
        client.post("/translate", content=b"", headers={"content-type": "multipart/form-data"}).status_code
        == 400
    )
    answer = client.post("/translate", files={"other": b"x"})
    assert answer.status_code == 422 and answer.json()["detail"] == "image: Field required"
    assert client.post("/translate", data={"image": "text"}, files={"x": b""}).status_code == 422


def test_names_of_files_are_not_opened(client: TestClient) -> None:
    for name in ("/etc/passwd", "http://127.0.0.1:1/x.png", "../../../model.ckpt"):
        answer = client.post("/translate", files={"image": (name, b"no picture")})
        assert answer.json()["detail"].startswith("image is no picture")
    assert client.get("/..%2f..%2fapplication.py").status_code == 404
    assert client.get("/%2fetc/passwd").status_code == 404


def test_other_methods_are_told_the_right_one(client: TestClient) -> None:
    for address, allowed in (("/translate", "POST"), ("/model", "GET"), ("/health", "GET")):
        answer = client.request("DELETE", address)
        assert answer.status_code == 405 and answer.headers["allow"] == allowed
    assert client.get("/translate").status_code == 405


def test_what_is_documented(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    translate = described["paths"]["/translate"]["post"]
    assert set(translate["responses"]) == {"200", *map(str, MEANINGS)}
    assert list(translate["responses"]["200"]["content"]) == ["image/png"]
    body = translate["requestBody"]["content"]["multipart/form-data"]["schema"]["$ref"].rpartition("/")[2]
    assert set(described["components"]["schemas"][body]["properties"]) == {
        "image",
        "guide",
        "instance",
        "seed",
    }
    assert [one["name"] for one in translate["parameters"]] == ["painter-id"]
    assert set(described["paths"]) == {"/translate", "/model", "/health", "/metrics"}


def test_health_and_metrics(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok", "model": "small"}
    post(client, png(layout(8, 8)))
    post(client, b"")
    counted = client.get("/metrics")
    assert counted.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = counted.text.splitlines()
    assert 'asap_translate_answers_total{status="200"} 1.0' in lines
    assert 'asap_translate_answers_total{status="415"} 1.0' in lines
    assert "asap_translated_pixels_total 64.0" in lines and "asap_waiting 0.0" in lines
    assert 'asap_translate_step_seconds_count{step="translate"} 1.0' in lines


def test_other_sites_are_shut_out_unless_named(client: TestClient, translator: Translator) -> None:
    origin = {"Origin": "https://example.org"}
    assert "access-control-allow-origin" not in client.get("/model", headers=origin).headers
    asked = {**origin, "Access-Control-Request-Method": "POST"}
    assert client.options("/translate", headers=asked).status_code == 405
    card = ModelCard.of(translator, "small")
    with TestClient(make_app(translator, card, origins=["https://example.org"])) as open_client:
        answer = open_client.get("/model", headers=origin)
        assert answer.headers["access-control-allow-origin"] == "https://example.org"
        other = open_client.get("/model", headers={"Origin": "https://example.com"})
        assert "access-control-allow-origin" not in other.headers


def test_headers_of_every_answer(client: TestClient) -> None:
    for address in ("/", "/model", "/nothing", "/openapi.json"):
        headers = client.get(address).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"


def test_memory_that_is_not_enough(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Translator, "__call__", full)
    answer = post(client, png(layout()))
    assert answer.status_code == 503 and answer.headers["retry-after"] == "1"


@pytest.fixture
def others() -> Iterator[Any]:
    clients = []

    def make(translator: Translator) -> TestClient:
        client = TestClient(make_app(translator, ModelCard.of(translator, "other"), limits=LIMITS))
        clients.append(client)
        return client.__enter__()

    yield make
    for client in clients:
        client.__exit__(None, None, None)


def test_pictures_and_depths(others: Any) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    for channels in (3, 1):
        translator = make_translator(ConditionSpec(kind="image", channels=channels))
        client = others(translator)
        given = photo if channels == 3 else np.asarray(Image.fromarray(photo).convert("L"))
        assert np.array_equal(pixels(post(client, png(photo))), translator(given))
        assert client.get("/model").json()["classes"] == []
    translator = make_translator(ConditionSpec(kind="depth", channels=1))
    client = others(translator)
    millimetres = np.array([[0, 5_000, 10_000, 20_000]] * 4, np.uint16)
    scaled = np.array([[-1, 0, 1, 1]] * 4, np.float32)
    assert np.array_equal(pixels(post(client, png(millimetres))), translator(scaled))
    assert client.get("/model").json()["depth"] == {"unit": 0.001, "nearest": 0.0, "farthest": 10.0}
    assert "colour picture" in post(client, png(photo)).json()["detail"]


def test_instance_maps(others: Any) -> None:
    translator = make_translator(ConditionSpec(num_classes=13, instance_edges=True))
    client, label = others(translator), layout(8, 8)
    assert "instance map is needed" in post(client, png(label)).json()["detail"]
    many = np.arange(64, dtype=np.uint16).reshape(8, 8)
    answer = post(client, png(label), files={"instance": ("i.png", png(many))})
    assert np.array_equal(pixels(answer), translator(label, many))


def test_seeds_and_guides(others: Any) -> None:
    import torch

    torch.manual_seed(0)
    spec = ConditionSpec(num_classes=13)
    generator = SpadeGenerator(spec, width=2, hidden=4, style=6, image_size=(64, 64), encoder=True)
    translator = Translator.from_generator(generator, device="cpu")
    client, label = others(translator), layout(64, 64)
    about = client.get("/model").json()
    assert about["seed"] and about["guide"]
    first = pixels(post(client, png(label), seed=1))
    assert np.array_equal(first, translator(label, seed=1))
    assert not np.array_equal(first, pixels(post(client, png(label), seed=2)))
    photo = np.full((20, 20, 3), 200, np.uint8)
    guided = pixels(post(client, png(label), files={"guide": ("g.jpg", png(photo, format="PNG"))}))
    assert np.array_equal(guided, translator(label, guide=photo))
