"""What is fuzzed: of each kind a valid file, how it is spoiled, and how the program reads it."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import pickle
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from fuzz_mutations import mutate_bytes, mutate_json, mutate_png, mutate_table, mutate_tree, mutate_zip
from PIL import Image

import bundles
import small
from asap_lightning.building import build
from asap_lightning.checkpoint import ENTRY, ModelDescription
from asap_lightning.condition import ConditionSpec
from asap_lightning.data.labels import LabelFormat
from asap_lightning.data.layouts import Shards, SpadeFolders
from asap_lightning.data.poses import draw_pose, read_pose
from asap_lightning.data.reading import read_depth, read_instance, read_label, read_photo
from asap_lightning.data.shards.writer import write_shards
from asap_lightning.inference.loading import load_generator
from asap_lightning.interop.convert import convert_generator
from asap_lightning.interop.options import read_options
from asap_lightning.interop.state_dicts import state_of
from asap_lightning.interop.systems import asapnet
from asap_lightning.models import HdrnetGenerator
from asap_lightning.reports.pictures import cells_of
from asap_lightning.reports.runs import read_run
from asap_lightning.segments import Bank, Canvases, cut_bank
from asap_lightning.untrusted import load_torch, open_tensorflow
from asap_lightning.untrusted.tensorflow_protos import NUMBERS
from tensorflow_names import hdrnet_variables

SPEC = ConditionSpec(num_classes=4)
KNOWN = dict(label_nc=4, mlp_width=8, mlp_depth=3, s1=1)
Spoil = Callable[[random.Random, bytes], bytes]


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        name: of the file, with what its reader expects beside it already there.
        content: of the valid file.
        spoil: makes a hostile one of it.
        read: what the program does with it, in the folder that holds it.
    """

    name: str
    content: bytes
    spoil: Spoil
    read: Callable[[Path], Any]


def torch_bytes(content: Any, **how: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, **how)
    return file.getvalue()


def picture_bytes(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def entry(generator: dict[str, Any]) -> dict[str, Any]:
    config = {
        "data": {"_target_": "asap_lightning.data.PairedDataModule", "root": "x", "height": 16, "width": 16}
    }
    return ModelDescription(SPEC.as_dict(), generator, config=config).as_dict()


def kinds(folder: Path) -> dict[str, Kind]:
    """All kinds; what their readers expect beside the files is written into ``folder``."""
    torch.manual_seed(0)
    network = small.asap_generator(SPEC)
    described = {"_target_": "asap_lightning.models.AsapGenerator", **small.ASAP}
    weights = {f"generator.{name}": tensor for name, tensor in network.state_dict().items()}
    checkpoint = {"state_dict": weights, ENTRY: entry(described), "epoch": 0, "global_step": 0}
    theirs = asapnet.names(network).to_theirs(network.state_dict())

    def spoil_description(random_: random.Random, _: bytes) -> bytes:
        return torch_bytes({**checkpoint, ENTRY: mutate_tree(random_, checkpoint[ENTRY])})

    def spoil_weights(random_: random.Random, _: bytes) -> bytes:
        spoiled = dict(theirs)
        for name in random_.sample(list(spoiled), 2):
            shape = [random_.choice((0, 1, 2, 3, 7, 64)) for _ in range(random_.randrange(5))]
            spoiled[random_.choice((name, name.replace("0", "7"), "module." + name))] = torch.zeros(shape)
        return torch_bytes(spoiled)

    options = argparse.Namespace(
        label_nc=4, no_instance=True, ids=[1, 2], mean=np.arange(3.0), rate=np.float64(1)
    )
    return {
        "checkpoint": Kind("model.ckpt", torch_bytes(checkpoint), mutate_zip, load_generator),
        "description": Kind("model.ckpt", torch_bytes(checkpoint), spoil_description, load_generator),
        "torch, stream": Kind(
            "latest_net_G.pth",
            torch_bytes(theirs, _use_new_zipfile_serialization=False),
            mutate_bytes,
            lambda path: convert_generator(path, "asapnet", settings=KNOWN),
        ),
        "torch, zip": Kind(
            "latest_net_G.pth",
            torch_bytes(theirs),
            mutate_zip,
            lambda path: convert_generator(path, "asapnet", settings=KNOWN),
        ),
        "torch, weights": Kind(
            "latest_net_G.pth",
            torch_bytes(theirs),
            spoil_weights,
            lambda path: convert_generator(path, "asapnet", settings=KNOWN),
        ),
        "torch, network": Kind(
            "whole.pth",
            torch_bytes([torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))]),
            mutate_zip,
            lambda path: state_of(load_torch(path, shells=True)[0], path),
        ),
        "opt.pkl": Kind("opt.pkl", pickle.dumps(options), mutate_bytes, read_options),
        **_shards(folder),
        **_pictures(),
        **_texts(folder),
        **_banks(folder),
        **_tensorflow(folder),
    }


def _shards(folder: Path) -> dict[str, Kind]:
    from trees import Trees

    root = Trees(folder / "tree").spade(count=3)
    source = {"_target_": "asap_lightning.data.layouts.SpadeFolders", "num_classes": 3}
    write_shards(build(source, "layout", root=str(root), instances=False), folder / "shards", source=source)
    place = folder / "shards"

    def read(path: Path) -> None:
        layout = Shards(path.parent)
        for item in layout.items("train"):
            layout.read(item)

    index = (place / "index.json").read_bytes()

    def spoil_tar(random_: random.Random, content: bytes) -> bytes:
        spoiled = mutate_bytes(random_, content)
        node = json.loads(index)
        if random_.random() < 0.7:  # a stranger's index agrees with a stranger's shard
            (shard,) = node["splits"]["train"]
            shard["size"] = len(spoiled)
            for _, _, members in shard["samples"]:
                for member in members.values():
                    member[2] = zlib.crc32(spoiled[member[0] : member[0] + member[1]])
        (place / "index.json").write_text(json.dumps(node))
        return spoiled

    tar = "train-000000.tar"
    return {
        "index": Kind("shards/index.json", index, mutate_json, read),
        "shard": Kind(f"shards/{tar}", (place / tar).read_bytes(), spoil_tar, read),
    }


def _banks(folder: Path) -> dict[str, Kind]:
    from trees import Trees

    layout = SpadeFolders(Trees(folder / "bank_tree").spade(count=3), num_classes=3)
    place = folder / "bank"
    cut_bank(layout, place, height=24, width=32, min_area=2)
    index, table = (place / "bank.json").read_bytes(), (place / "segments.bin").read_bytes()
    label = layout.read(layout.items("train")[0]).label

    def read(path: Path) -> None:
        bank = Bank(path.parent)
        for number in range(min(len(bank), 50)):
            bank.segment(number)
        Canvases(bank)(label)

    def spoil_index(random_: random.Random, content: bytes) -> bytes:
        (place / "segments.bin").write_bytes(table)
        return mutate_json(random_, content)

    def spoil_table(random_: random.Random, content: bytes) -> bytes:
        spoiled, node = mutate_bytes(random_, content), json.loads(index)
        if random_.random() < 0.8:  # a stranger's index agrees with a stranger's table
            spoiled = spoiled[: len(table)].ljust(len(table), b"\0")
            node["files"]["segments.bin"]["sha256"] = hashlib.sha256(spoiled).hexdigest()
        (place / "bank.json").write_text(json.dumps(node))
        return spoiled

    return {
        "bank": Kind("bank/bank.json", index, spoil_index, read),
        "bank's table": Kind("bank/segments.bin", table, spoil_table, read),
    }


def _tensorflow(folder: Path) -> dict[str, Kind]:
    """What TensorFlow wrote in both formats, and an HDRNet of odd variables, where nothing is damaged."""
    written = Path(__file__).parent.parent / "untrusted" / "tensorflow"
    parts = {path.name: path.read_bytes() for path in (written / "v2").iterdir()}
    index, data = (f"model.ckpt-7.{end}" for end in ("index", "data-00000-of-00001"))
    place = folder / "bundle"
    network = HdrnetGenerator(ConditionSpec("image", channels=3), **small.NETWORKS["HdrnetGenerator"])
    variables = hdrnet_variables(network)
    bundles.write_bundle(folder / "hdrnet" / "model.ckpt", variables)
    place.mkdir()
    for name, content in parts.items():
        (place / name).write_bytes(content)

    def read(path: Path) -> None:
        checkpoint = open_tensorflow(path)
        checkpoint.read([name for name, one in checkpoint.variables.items() if one.kind in NUMBERS])

    def spoil_index(random_: random.Random, content: bytes) -> bytes:
        (place / data).write_bytes(parts[data])
        return mutate_table(random_, content)

    def spoil_data(random_: random.Random, content: bytes) -> bytes:
        (place / index).write_bytes(parts[index])
        return mutate_bytes(random_, content)

    def spoil_weights(random_: random.Random, _: bytes) -> bytes:
        spoiled = dict(variables)
        for name in random_.sample(list(spoiled), 2):
            shape = [random_.choice((0, 1, 2, 3, 7, 16)) for _ in range(random_.randrange(5))]
            if random_.random() < 0.4:
                shape = list(variables[name].shape)
            kind = random_.choice(("float32", "float16", "int64", "bool"))
            other = random_.choice((name, name.replace("1", "7"), f"inference/{name}"))
            spoiled[other] = np.ones(shape, kind)
        bundles.write_bundle(folder / "hdrnet" / "model.ckpt", spoiled, checks=False)
        return (folder / "hdrnet" / "model.ckpt.index").read_bytes()

    return {
        "bundle's index": Kind(f"bundle/{index}", parts[index], spoil_index, read),
        "bundle's data": Kind(f"bundle/{data}", parts[data], spoil_data, read),
        "slices": Kind("slices.ckpt", (written / "v1" / "model.ckpt-7").read_bytes(), mutate_table, read),
        "HDRNet's weights": Kind(
            "hdrnet/model.ckpt.index",
            (folder / "hdrnet" / "model.ckpt.index").read_bytes(),
            spoil_weights,
            lambda path: convert_generator(path, "hdrnet"),
        ),
    }


def _pictures() -> dict[str, Kind]:
    random_ = np.random.default_rng(0)
    ids = Image.fromarray(random_.integers(0, 4, (24, 32), dtype=np.uint8))
    photo = Image.fromarray(random_.integers(0, 255, (24, 32, 3), dtype=np.uint8))
    labels = LabelFormat(num_classes=4)
    depth = io.BytesIO()
    np.save(depth, random_.random((24, 32), dtype=np.float32))
    others = {
        kind: Kind(f"x.{kind.lower()}", picture_bytes(photo, kind), mutate_bytes, read_photo)
        for kind in ("TIFF", "GIF", "WEBP", "BMP")
    }
    return {
        "label.png": Kind(
            "x.png", picture_bytes(ids, "PNG"), mutate_png, lambda path: read_label(path, labels)
        ),
        "instance.png": Kind("x.png", picture_bytes(ids, "PNG"), mutate_png, read_instance),
        "photo.jpg": Kind("x.jpg", picture_bytes(photo, "JPEG"), mutate_bytes, read_photo),
        **others,
        "depth.npy": Kind("x.npy", depth.getvalue(), mutate_bytes, lambda path: read_depth(path, 1.0)),
    }


def _texts(folder: Path) -> dict[str, Kind]:
    run = folder / "run"
    run.mkdir()
    (run / "metrics.csv").write_text("step,val/psnr\n1,2\n")
    config = {"trainer": {"max_steps": 4}, "data": {"batch_size": 2, "height": 16, "width": 16}}

    def read(path: Path) -> None:
        made = read_run(path.parent)
        assert made.status and made.metrics is not None and made.throughput != 0
        cells_of(made, np.zeros((32, 48, 3), np.uint8))
        assert made.training_seconds != 0

    points = "".join(f"{30 * place:e} {20 * place:e} 0.9 {place}\n" for place in range(18)).encode()
    person = " ".join(f"{place:e}" for place in (*range(17), -1)).encode()
    for name, content in (("whole_candidate.txt", points), ("whole_subset.txt", person)):
        (folder / name).write_bytes(content)

    def read_points(path: Path) -> None:
        draw_pose(read_pose(path, folder / "whole_subset.txt"), 64)

    def read_person(path: Path) -> None:
        draw_pose(read_pose(folder / "whole_candidate.txt", path), 64)

    def spoil_yaml(random_: random.Random, content: bytes) -> bytes:
        if random_.random() < 0.5:
            return mutate_bytes(random_, content)
        return yaml.safe_dump(mutate_tree(random_, config)).encode()

    return {
        "config.yaml": Kind("run/config.yaml", yaml.safe_dump(config).encode(), spoil_yaml, read),
        "metrics.csv": Kind("run/metrics.csv", b"step,val/psnr\n1,2\n2,nan\n", mutate_bytes, read),
        "pose_candidate.txt": Kind("pose_candidate.txt", points, mutate_bytes, read_points),
        "pose_subset.txt": Kind("pose_subset.txt", person, mutate_bytes, read_person),
        "opt.json": Kind(
            "opt.json", json.dumps(vars(argparse.Namespace(a=1))).encode(), mutate_json, read_options
        ),
    }
