"""What a checkpoint says of its network is checked as a whole before any of it is imported or built."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from asap_lightning import cli
from asap_lightning.building import build, require_plain
from asap_lightning.condition import ConditionSpec
from asap_lightning.configuration.configs import conf_dir
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.models.described import sketch
from asap_lightning.registry import ROLE_NAMES, ROLES, located, role_of

from .conftest import GENERATOR, SPEC, Spoil

INSTANTIATE = "asap_lightning.configuration.assemble.instantiate"
NORM = {"_target_": "torch.nn.InstanceNorm2d", "_partial_": True}
UNET = {"_target_": "asap_lightning.models.UNetGenerator", "depth": 2, "width": 2}


def nested(levels: int) -> Any:
    node: Any = 1
    for _ in range(levels):
        node = {"a": node}
    return node


def cycle() -> Any:
    node: dict[str, Any] = {}
    node["a"] = node
    return node


def laughs() -> Any:
    node: Any = [1] * 10
    for _ in range(9):
        node = [node] * 10
    return node


STRANGERS = [
    "os.system",
    "builtins.eval",
    "torch.hub.load",
    "torch.load",
    "torch.nn.Module.apply",
    "torch.nn.Sequential",
    "torch.optim.Adam",
    INSTANTIATE,
    "asap_lightning.building.located",
    "asap_lightning.registry.import_module",
    "asap_lightning.files.remove_if_there",
    "asap_lightning.models.AsapGenerator.__init__.__globals__",
    "asap_lightning.models.asap.generator.AsapGenerator",
    "asap_lightning.models.Generator",
    "asap_lightning.models..AsapGenerator",
    " asap_lightning.models.AsapGenerator",
    "asap_lightning.models.PatchGan",  # another role's
    "asap_lightning.data.layouts.Shards",
    "torch.nn.BatchNorm2d",
    "a" * 4000,
    "\ud800\x1b[31m",
]


@pytest.mark.parametrize("name", STRANGERS, ids=lambda name: ascii(name[:40]))
def test_only_a_generator_is_built_as_generator(spoil: Spoil, canary: Path, bounded: None, name: str) -> None:
    arguments = {"command": f"rm {canary}", "path": str(canary), "config": {"_target_": "os.remove"}}
    path = spoil(generator={"_target_": name, **arguments})
    with pytest.raises(UserError, match=r"generator: refused to build '.*only AsapGenerator, ") as raised:
        Translator(path, device="cpu")
    assert len(str(raised.value)) < 1000 and str(raised.value).isprintable()


REFUSED: dict[str, tuple[Any, str]] = {
    "no text": ({"_target_": 7}, "refused to build 7"),
    "a list": ({"_target_": ["os.system"]}, "refused to build a list of 1"),
    "no name": ({"s1": 1}, "a mapping with the name of a generator was expected"),
    "a part where none belongs": ({**GENERATOR, "s1": NORM}, "s1: refused to build 'torch.nn.Insta.*no part"),
    "a part in a list": ({**GENERATOR, "backend": [{"a": NORM}]}, r"backend\[0\].a: refused to build"),
    "a stranger in a part": (
        {**UNET, "norm": {"_target_": INSTANTIATE, "_partial_": True}},
        f"generator.norm: refused to build '{INSTANTIATE}'",
    ),
    "a network as norm": ({**UNET, "norm": {**UNET, "_partial_": True}}, "norm: refused to build"),
    "a wrapper as norm": (
        {**UNET, "norm": {"_target_": "asap_lightning.models.layers.spectral_norm", "_partial_": True}},
        "norm: refused to build",
    ),
    "a part in a part": ({**UNET, "norm": {**NORM, "eps": NORM}}, "norm.eps: refused to build"),
    "a part that is built": ({**UNET, "norm": {"_target_": "torch.nn.Identity"}}, "_partial_: true"),
    "_args_": ({**GENERATOR, "_args_": [1]}, "generator._args_ = a list of 1 is refused"),
    "_convert_": ({**GENERATOR, "_convert_": NORM}, "generator._convert_ = a dict of 2 is refused"),
    "dunder": ({**GENERATOR, "__class__": "x"}, "generator.__class__ = 'x' is refused"),
    "no identifier": ({**GENERATOR, "a b\n": "x"}, r"generator\['a b\\n'\] = 'x' is refused"),
    "a number as key": ({**GENERATOR, 3: "x"}, r"generator\[3\] = 'x' is refused"),
    "unknown argument": ({**GENERATOR, "colour": 3}, "cannot be built: .*unexpected .* 'colour'"),
    "depth": ({**GENERATOR, "s1": nested(10_000)}, "refused: nested deeper than 16"),
    "cycle": ({**GENERATOR, "s1": cycle()}, "refused: nested deeper than 16"),
    "laughs": ({**GENERATOR, "s1": laughs()}, "refused: more than 20000 values"),
    "a long text": ({**GENERATOR, "backend": "x" * 10**6}, "longer than any value"),
    "a long number": ({**GENERATOR, "s1": 10**9000}, "a number of 29898 bits is longer"),
    "bytes": ({**GENERATOR, "backend": b"x"}, "backend holds a bytes"),
    "a set": ({**GENERATOR, "backend": {1}}, "backend holds a set"),
    "width": ({**GENERATOR, "mlp_width": 10**9}, "mlp_width = 1000000000 is refused: at most 16384"),
    "layers": ({**GENERATOR, "lowres_depth": 10**6}, "lowres_depth = 1000000 is refused"),
    "many layers": ({**GENERATOR, "lowres_depth": 16_000}, "many more layers than the file has weights"),
    "large layers": ({**GENERATOR, "lowres_max_width": 16_000}, "the weights do not fit"),
    "a large tile": ({**GENERATOR, "s1": 8192}, "a tile of .* is too large"),
    "a text as number": ({**GENERATOR, "s1": "${oc.env:HOME}"}, "cannot be built"),
    "not a number": ({**GENERATOR, "lowres_width": float("nan")}, "cannot be built"),
    "division": ({**UNET, "norm": {**NORM, "eps": "x", "affine": []}}, "do not fit|cannot be built"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_a_hostile_description_is_refused(spoil: Spoil, canary: Path, bounded: None, kind: str) -> None:
    node, message = REFUSED[kind]
    if kind in ("depth", "cycle", "laughs", "a long number"):  # refused already when the file is read
        with pytest.raises(UserError, match=message):
            build(node, "generator", spec=SPEC)
        return
    path = spoil(generator=node)
    with pytest.raises(UserError, match=message) as raised:
        Translator(path, device="cpu")
    assert len(str(raised.value)) < 1500 and str(raised.value).isprintable()


def test_the_command_line_refuses_too(spoil: Spoil, canary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = spoil(
        generator={
            "_target_": INSTANTIATE,
            "config": {"_target_": "os.remove", "path": str(canary)},
        }
    )
    code = cli.main(["predict", f"ckpt={path}", f"input={canary}", f"output={canary.parent / 'out'}",
                     f"hydra.run.dir={canary.parent / 'run'}"])  # fmt: skip
    shown = capsys.readouterr().err
    assert code == 2 and "refused to build" in shown and "Traceback" not in shown


ENTRIES: dict[str, tuple[dict[str, Any], str]] = {
    "format": ({"format": "x"}, "asap_lightning.format is 'x'; a int was expected"),
    "no format": ({"format": None}, "format is None"),
    "true": ({"format": True}, "format is True"),
    "future": ({"format": 99, "version": ["9"]}, "format 99 by version a list of 1; .* upgrade"),
    "spec": ({"spec": [1]}, "asap_lightning.spec is a list of 1; a dict was expected"),
    "generator": ({"generator": None}, "asap_lightning.generator is None"),
    "discriminator": ({"discriminator": "x"}, "asap_lightning.discriminator is 'x'"),
    "config": ({"config": [nested(3)]}, "asap_lightning.config is a list of 1"),
    "deep config": ({"config": nested(50)}, "nested deeper"),
    "many classes": ({"spec": {**SPEC.as_dict(), "num_classes": 10**9}}, "num_classes is 1000000000; a"),
    "negative": ({"spec": {**SPEC.as_dict(), "num_classes": -1}}, "num_classes is -1"),
    "a flag": ({"spec": {**SPEC.as_dict(), "num_classes": True}}, "num_classes is True"),
    "none": ({"spec": {**SPEC.as_dict(), "num_classes": 0}}, "needs num_classes >= 1"),
    "kind": ({"spec": {**SPEC.as_dict(), "kind": ["label"]}}, "kind is a list of 1; label, image or depth"),
    "names": ({"spec": {**SPEC.as_dict(), "class_names": [1]}}, "class_names is a list of 1; a list"),
    "edges": ({"spec": {**SPEC.as_dict(), "instance_edges": "yes"}}, "instance_edges is 'yes'"),
    "unknown": ({"spec": {**SPEC.as_dict(), "__init__": 1}}, "unknown field '__init__'; known: kind"),
    "another": ({"spec": {**SPEC.as_dict(), "num_classes": 5}}, "the weights do not fit"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ENTRIES)
def test_a_malformed_entry_is_named(spoil: Spoil, canary: Path, bounded: None, kind: str) -> None:
    changes, message = ENTRIES[kind]
    path = spoil(**changes)
    with pytest.raises(UserError, match=message) as raised:
        Translator(path, device="cpu")
    assert str(path) in str(raised.value)


def test_a_valid_checkpoint_translates(spoil: Spoil) -> None:
    image = Translator(spoil(), device="cpu")(np.zeros((16, 24), np.uint8))
    assert image.shape == (16, 24, 3)


def test_plain_data_is_data_of_plain_types_only() -> None:
    require_plain({"a": [1, 2.5, None, True, ("x",)], 3: {}}, "x")

    class Text(str):
        pass

    for value in (Text("x"), {Text("x"): 1}, {None: 1}, {(1,): 1}, object(), 1j):
        with pytest.raises(UserError, match=r"^x"):
            require_plain([value], "x")


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_every_registered_name_is_a_class_of_its_role(role: Any) -> None:
    entry = ROLES[role]
    for name in entry.names:
        found = located(name)
        if entry.base is None:
            assert callable(found) and not isinstance(found, type)
            assert f"{found.__module__}.".startswith("asap_lightning.models.layers.")
        else:
            assert isinstance(found, type) and issubclass(found, located(entry.base)), name
        assert role_of(name) in (role, "layout")


@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_no_whole_number_within_limits_takes_memory_or_time(role: Any, bounded: None) -> None:
    """Each argument in turn is made as small or as large as a file may have it."""
    for name in ROLES[role].names:
        for argument, parameter in signature(located(name)).parameters.items():
            if "int" not in str(parameter.annotation):
                continue
            for value in (0, ROLES[role].limits.get(argument, ROLES[role].largest)):
                node = {"_target_": name, argument: value}
                if name.endswith("AsapGenerator"):
                    node.setdefault("s1", 1)
                if argument == "style":
                    node["image_size"] = [16_384, 16_384]
                try:
                    network = sketch(node, role, name, 0, spec=ConditionSpec(num_classes=65_536))
                except UserError as error:
                    assert name in str(error)
                else:
                    assert isinstance(network, nn.Module)


def named(node: Any, role: Any, place: str) -> Iterator[tuple[str, Any, str]]:
    """Every name in a node of conf/, with the role that its place has."""
    if not isinstance(node, dict):
        return
    if node.get("_target_"):
        yield node["_target_"], role, place
    for key, value in node.items():
        if key in ROLES[role].parts:
            yield from named(value, ROLES[role].parts[key], f"{place}.{key}")
        elif key not in ("prepare", "extra_transforms"):  # of a training alone, never built from a file
            assert "_target_" not in str(value), f"{place}.{key} holds a part that no file may hold"


def test_everything_of_conf_that_a_checkpoint_stores_is_registered() -> None:
    """Every option of the groups, and every recipe."""
    stored: tuple[Any, ...] = ("generator", "discriminator", "data")
    found = []
    for path in sorted(conf_dir().rglob("*.yaml")):
        node = yaml.safe_load(path.read_text(encoding="utf-8"))
        if path.parent.name not in (*stored, "experiment"):
            continue
        for group in stored:
            part = node if path.parent.name == group else node.get(group)
            found += list(named(part, group, f"{path.relative_to(conf_dir())}: {group}"))
    assert len(found) > 30
    for name, role, place in found:
        assert name in ROLES[role].names, place


def test_a_refused_network_leaves_torch_as_it_was() -> None:
    node = {"_target_": "asap_lightning.models.ResnetGenerator", "width": 2, "blocks": 300}
    for tensors in range(4):
        with pytest.raises(UserError, match="more layers"):
            sketch(node, "generator", "x", tensors, spec=SPEC)
        assert torch.is_grad_enabled() and torch.empty(1).device.type == "cpu"
