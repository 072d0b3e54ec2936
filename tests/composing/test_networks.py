"""Networks in a bank's folder: read as they were written; whatever else lies there is refused in a line."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from asap_lightning.composing import Aligner, canvases_of
from asap_lightning.composing.networks import ENTRY, PieceNetwork, path_of, read_network, write_network
from asap_lightning.errors import UserError
from asap_lightning.models.sims import AlignmentNetwork, OrderNetwork
from asap_lightning.segments.bank import Bank
from asap_lightning.segments.regions import regions_of
from asap_lightning.segments.writer import BankWriter
from banks import FRAME, SPEC, draw_label, draw_photo

COLOURS = np.arange(15, dtype=np.uint8).reshape(5, 3)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A bank with both networks."""
    folder = tmp_path_factory.mktemp("banks") / "bank"
    writer = BankWriter(folder, SPEC, FRAME, min_area=4)
    for seed in range(4):
        label = draw_label(seed)
        writer.add(f"train/{seed}", label, draw_photo(seed), regions_of(label, 4, min_area=4))
    writer.finish("drawn", np.zeros((5, 3), np.uint8))
    bank = Bank(folder)
    torch.manual_seed(0)
    for kind, network in (("align", AlignmentNetwork(5, width=2)), ("order", OrderNetwork(5, width=2))):
        torch.nn.init.normal_(list(network.parameters())[-2], std=0.1)
        write_network(bank, PieceNetwork(kind, network.eval(), SPEC, 24, COLOURS, {"steps": 3}), 2)
    return folder


@pytest.fixture
def bank(filled, tmp_path):
    return Bank(shutil.copytree(filled, tmp_path / "bank"))


def rewritten(bank, kind, change=None, **other):
    """The file with another description, or other weights."""
    path = path_of(bank, kind)
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()[ENTRY])
    weights = load_file(path)
    about.update(other)
    if change is not None:
        change(about, weights)
    save_file(weights, path, {ENTRY: json.dumps(about)})


def test_what_was_written_is_read(bank):
    found = read_network(bank, "align")
    assert (found.kind, found.spec, found.side, found.fit) == ("align", SPEC, 24, {"steps": 3})
    assert np.array_equal(found.colours, COLOURS) and not found.network.training
    stored = load_file(path_of(bank, "align"))
    assert stored.keys() == found.network.state_dict().keys()
    assert all(torch.equal(stored[name], value) for name, value in found.network.state_dict().items())
    assert not any(value.is_meta for value in found.network.state_dict().values())


def test_settings_take_the_banks_networks_and_they_are_part_of_what_canvases_are(bank):
    settings = {"bank": str(bank.folder), "canvas_options": {"align": True, "order": True}}
    made, plain = canvases_of(settings), canvases_of({"bank": str(bank.folder)})
    assert isinstance(made.align, Aligner) and made.align.side == made.front.side == 24
    assert plain.align is plain.front is None
    assert plain.identity["align"] is plain.identity["order"] is None
    assert made.identity == {**plain.identity, "align": made.align.digest, "order": made.front.digest}
    asked = []
    for one in (made.align, made.front):
        one.network.register_forward_hook(lambda network, *rest: asked.append(type(network)))
    canvas, _ = made.retrieved(draw_label(50))
    assert set(asked) == {AlignmentNetwork, OrderNetwork}
    assert np.array_equal(canvas, canvases_of(settings).retrieved(draw_label(50))[0])
    with pytest.raises(UserError, match=r"canvas_options.align=yes: true or false"):
        canvases_of({"bank": str(bank.folder), "canvas_options": {"align": "yes"}})


def halved(about, weights):
    del weights[sorted(weights)[0]]


def of_another_class(about, weights):
    about["spec"]["class_names"][2] = "gate"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda bank, path: path.unlink(), "there is no .*--fit align, or set canvas_options.align=false"),
        (lambda bank, path: path.write_bytes(path.read_bytes()[:-100]), "damaged or no safetensors file"),
        (lambda bank, path: path.write_bytes(b"x" * 100), "damaged or no safetensors file"),
        (lambda bank, path: shutil.copy(path_of(bank, "order"), path), "it holds another one .order."),
        (lambda bank, path: save_file({"a": torch.zeros(1)}, path), "is no network of pieces"),
        (lambda bank, path: rewritten(bank, "align", version=9), "has version 9; this program reads"),
        (lambda bank, path: rewritten(bank, "align", side=10**9), "side is not a whole number from 8"),
        (lambda bank, path: rewritten(bank, "align", side=True), "side is not a whole number from 8"),
        (lambda bank, path: rewritten(bank, "align", colours=[[1, 2]]), "5 colours of three levels"),
        (lambda bank, path: rewritten(bank, "align", colours=7), "is no align network: TypeError"),
        (lambda bank, path: rewritten(bank, "align", spec=None), "is no align network"),
        (lambda bank, path: rewritten(bank, "align", network={"_target_": "os.system"}), "it holds another"),
        (lambda bank, path: rewritten(bank, "align", halved), "the weights do not fit"),
        (lambda bank, path: rewritten(bank, "align", of_another_class), "other classes than the bank's"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(bank, spoil, said):
    spoil(bank, path_of(bank, "align"))
    with pytest.raises(UserError, match=said) as refused:
        canvases_of({"bank": str(bank.folder), "canvas_options": {"align": True}})
    assert "\n" not in str(refused.value)
    assert canvases_of({"bank": str(bank.folder)}).align is None, "nobody looks at it who has not asked"


def test_a_width_that_no_weights_have_is_refused_before_memory_is_taken(bank):
    def wide(about, weights):
        about["network"]["width"] = 1000

    rewritten(bank, "order", wide)
    with pytest.raises(UserError, match="the weights do not fit"):
        read_network(bank, "order")
    rewritten(bank, "order", lambda about, weights: about["network"].update(width=10**6))
    with pytest.raises(UserError, match="width = 1000000 is refused"):
        read_network(bank, "order")
