"""Indexes and shards from strangers: no name leads outside, nothing is believed, nothing else is deleted."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.layouts import Shards
from asap_lightning.data.shards import parse, remote
from asap_lightning.data.shards.cache import ShardCache
from asap_lightning.data.shards.index import Shard
from asap_lightning.data.shards.parse import is_safe, parse_index
from asap_lightning.errors import UserError

pytestmark = pytest.mark.usefixtures("canary", "bounded")
SHA = "0123456789abcdef" * 4


def valid():
    sample = ["a/one", "a_one", {"label.png": [512, 100, 7], "photo.jpg": [1536, 900, 8]}]
    shard = {"name": "train-000000.tar", "size": 10240, "sha256": SHA, "identity": "x", "samples": [sample]}
    return {
        "format": "asap-lightning shards",
        "version": 1,
        "settings": {
            "layout": {"class": "asap_lightning.data.layouts.SpadeFolders", "options": {"num_classes": 3}},
            "instances": False,
            "stored": "files",
            "resized": None,
            "photo_format": "ppm",
            "photo_quality": 95,
        },
        "spec": ConditionSpec(num_classes=3).as_dict(),
        "same_as": {"test": "val"},
        "splits": {"train": [shard], "val": []},
    }


def changed(path, value):
    """A valid index with another value at ``path``."""
    node = root = valid()
    *way, last = path
    for key in way:
        node = node[key]
    node[last] = value
    return json.dumps(root)


def test_the_index_that_the_hostile_ones_are_made_from():
    index = parse_index(json.dumps(valid()), "x")
    assert parse_index(index.dump(), "x") == index


S = ("splits", "train", 0)
P = (*S, "samples", 0)
M = (*P, 2, "label.png")
BIG = 2**70
HOSTILE = [
    *[((*S, "name"), value) for value in (
        "../canary", "/etc/passwd.tar", "a/b.tar", "..\\b.tar", ".tar", "..tar", "a.tar\0", "x", "", 3, None,
        ["a.tar"], "-\n.tar", "index.json", "a" * 300 + ".tar", "C:b.tar", "http://x/y.tar")],
    *[((*S, "sha256"), value) for value in (
        "../canary", SHA[:-1], SHA + "0", SHA.upper(), "g" * 64, f"{SHA}\n", 3, None)],
    *[((*S, "size"), value) for value in (-1, True, 1.5, "9", None, BIG, 600)],
    *[((*M, 0), value) for value in (-1, True, 1.5, "9", None, BIG, 10200)],
    *[((*M, 1), value) for value in (-1, True, 1.5, "9", None, BIG, 10240)],
    *[((*M, 2), value) for value in (-1, 2**32, None)],
    *[((*P, 0), value) for value in (
        "../canary", "/tmp/x", "a/../../x", "a//b", "", ".", "..", "a/", "a\0b", "a\nb", "a\\..\\b", 3, None,
        "x" * 2000)],
    *[((*P, 1), value) for value in ("../canary", "a/b", "", "..", 3, None)],
    *[((*P, 2), value) for value in (
        {}, [], None, {"instance.png": [0, 1, 2]}, {"label.png": [0, 1]}, {"label.png": 3},
        {"label": [0, 1, 2]}, {"../label.png": [0, 1, 2]}, {"label.png/../x": [0, 1, 2]},
        {"evil.png": [0, 1, 2]},
        {"label.png": [0, 1, 2], "label.npy": [0, 1, 2]})],
    *[((*S, "samples"), value) for value in (None, {}, [[]], [["a", "b"]], [3])],
    ((*S, "identity"), 3),
    *[(("splits",), value) for value in (
        None, [], {"train": None}, {"../x": []}, {"train": [3]}, {"train": [{}]})],
    *[(("same_as",), value) for value in (None, {"test": "train2"}, {"evil": "val"}, {"test": ["val"]})],
    *[(("spec",), value) for value in (None, [], {}, {"kind": "label"}, {"evil": 1})],
    *[(("spec", "num_classes"), value) for value in (-1, 0, True, "3", 2.0, 10**9, None)],
    *[(("spec", "kind"), value) for value in ("evil", 3, None, ["label"])],
    *[(("spec", "class_names"), value) for value in ("abc", [3], None, {"a": 1})],
    *[(("spec", "has_unknown"), value) for value in (1, "yes", None)],
    *[(("settings", "layout"), value) for value in (None, "os.system", {}, {"class": 3, "options": {}},
        {"class": "x", "options": []})],
    *[(("settings", "stored"), value) for value in ("pickles", None, ["files"])],
    *[(("settings", "resized"), value) for value in ("evil", {}, {"train": {}, "eval": {"mode": "evil"}},
        {"train": {"evil": 1}, "eval": {}}, {"train": 3, "eval": 3})],
    *[(("settings", "instances"), value) for value in (1, "no", None)],
    (("settings",), None),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), HOSTILE)
def test_indexes(path, value):
    with pytest.raises(UserError, match=r"^place/index\.json is damaged") as caught:
        parse_index(changed(path, value), "place/index.json")
    assert len(str(caught.value)) < 600


def test_names_that_occur_twice():
    node = valid()
    (shard,) = node["splits"]["train"]
    node["splits"]["val"] = [shard | {"name": "TRAIN-000000.tar", "samples": []}]
    with pytest.raises(UserError, match="listed twice"):
        parse_index(json.dumps(node), "x")
    node = valid()
    node["splits"]["train"][0]["samples"] *= 2
    with pytest.raises(UserError, match="name occurs twice"):
        parse_index(json.dumps(node), "x")


def test_members_that_are_far_apart_are_not_read_together():
    node = valid()
    (shard,) = node["splits"]["train"]
    shard["size"] = 2**40
    shard["samples"][0][2]["photo.jpg"] = [2**39, 1, 0]
    with pytest.raises(UserError, match="too far apart"):
        parse_index(json.dumps(node), "x")


@pytest.mark.parametrize("text", ["[" * 100_000, "{" + '"a":{' * 100_000, "1" * 5000, b"\xff\xfe", "NaN"])
def test_texts_that_are_no_index(text):
    with pytest.raises(UserError, match=r"^x "):
        parse_index(text, "x")


def test_deep_options_of_a_layout():
    deep = json.loads("[" * 250 + "]" * 250)
    with pytest.raises(UserError, match="nested more than"):
        parse_index(changed(("settings", "layout", "options"), {"x": deep}), "x")


def test_an_index_of_10_gb(tmp_path):
    with (tmp_path / "index.json").open("wb") as file:
        file.truncate(10 * 2**30)  # sparse
    with pytest.raises(UserError, match="has more than 256 MiB"):
        Shards(tmp_path).items("train")


def test_names_as_people_give_them_are_safe():
    for name in ("aachen/aachen_000000", "Ü 12:30 [final] (2)", "a..b", "….png", "日本", "a\\b", "x\u00a0y"):
        assert is_safe(name)


def test_a_cache_deletes_nothing_but_its_own(tmp_path):
    cache = ShardCache(tmp_path / "cache", limit=10)
    cache.folder.mkdir()
    mine = [cache.folder / name for name in ("thesis.tar", "data.part", f"{SHA}.tar.tar", "g" * 64 + ".tar")]
    for path in mine:
        path.write_bytes(bytes(100))
    old = cache.folder / f"{SHA[::-1]}.tar"
    old.write_bytes(bytes(100))
    content = b"0123456789"
    shard = Shard("a.tar", 10, hashlib.sha256(content).hexdigest(), "x", [])
    cache.get(shard, lambda _, part: part.write_bytes(content) and None, "a.tar")
    assert all(path.is_file() for path in mine) and not old.exists()


class Hostile(BaseHTTPRequestHandler):
    """Sends bytes for ever, whatever it is asked, or leads elsewhere."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path.startswith("/file"):
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        ranged = self.path.startswith("/ranged") and self.headers.get("Range")
        self.send_response(206 if ranged else 200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for _ in range(4000):
                self.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")
        except OSError:
            self.close_connection = True


@pytest.fixture
def hostile_server(monkeypatch):
    monkeypatch.setattr(remote, "PAUSES", ())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_server_that_sends_an_index_without_end(tmp_path, hostile_server, monkeypatch):
    for module in (remote, parse):
        monkeypatch.setattr(module, "MAX_INDEX", 2**20)
    with pytest.raises(UserError, match="has more than 1 MiB"):
        Shards(f"{hostile_server}/x", cache=tmp_path / "cache").items("train")


@pytest.mark.parametrize("folder", ["whole", "ranged"])
def test_a_server_that_sends_a_shard_without_end(tmp_path, hostile_server, folder):
    store = remote.RemoteStore(f"{hostile_server}/{folder}", ShardCache(tmp_path / "cache", 10**6))
    with pytest.raises(UserError, match="is another file"):
        store.locate(Shard("a.tar", 10_000, SHA, "x", []))
    assert sum(path.stat().st_size for path in (tmp_path / "cache").iterdir()) <= 10_000


def test_a_server_that_leads_to_a_file_of_this_machine(tmp_path, hostile_server):
    with pytest.raises(UserError, match="cannot be read"):
        Shards(f"{hostile_server}/file", cache=tmp_path / "cache").items("train")
