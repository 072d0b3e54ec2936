"""Fitted networks as what canvases ask, on drawn segments."""

import numpy as np
import pytest
import torch
from torch import nn

from asap_lightning.models.sims import AlignmentNetwork, OrderNetwork
from asap_lightning.segments.bank import Bank, Segment
from asap_lightning.segments.canvases import Canvases
from asap_lightning.segments.pieces import IDENTITY, Piece, laid
from asap_lightning.segments.regions import region_of_mask, regions_of
from asap_lightning.segments.writer import BankWriter
from asap_lightning.training.sims import Aligner, FrontJudge, OwnSegments
from asap_lightning.training.sims import hooks as module
from banks import FRAME, SPEC, draw_label, draw_photo


class Saying(nn.Module):
    """Answers alike whatever it is shown, and keeps what that was."""

    def __init__(self, answer):
        super().__init__()
        self.answer = nn.Parameter(torch.tensor(answer))

    def forward(self, *given):
        self.given = given
        return self.answer[None]


def rectangle(class_id, box, frame=FRAME):
    mask = np.ones((box[2] - box[0], box[3] - box[1]), bool)
    return region_of_mask(class_id, mask, box[:2], frame)


def segment(class_id, box, frame=FRAME):
    region = rectangle(class_id, box, frame)
    colours = np.random.default_rng(0).integers(0, 256, (*region.mask.shape, 3), dtype=np.uint8)
    return Segment(region, colours, "train/x")


def full(region):
    mask = np.zeros(region.frame, bool)
    mask[region.window] = region.mask
    return mask


def test_a_networks_map_is_rounded_and_taken_where_the_piece_fits_better():
    piece, place = segment(1, (10, 12, 30, 42)), rectangle(1, (10, 16, 30, 46))
    layout = draw_label(0)
    network = Saying([[1.04, 0.01, -3.6], [0.02, 0.97, 0.3]])
    align = Aligner(network, SPEC.label_channels)
    assert align(piece, full(place), layout).tolist() == [[1, 0, -4], [0, 1, 0]]
    moved = laid(piece, place, scale_box=False, align=align, label=layout)
    assert moved.corner == (10, 16) and np.array_equal(moved.colours, piece.colours)
    away = Aligner(Saying([[1.0, 0.0, 5.0], [0.0, 1.0, 0.0]]), SPEC.label_channels)
    assert laid(piece, place, scale_box=False, align=away, label=layout).corner == (10, 12), "it stays"
    finer = Aligner(network, SPEC.label_channels, decimals=1)(piece, full(place), layout)
    assert np.allclose(finer, [[1.0, 0.0, -3.6], [0.0, 1.0, 0.3]], atol=1e-6)


def test_the_network_is_shown_the_piece_its_region_and_the_layout():
    piece, place, layout = segment(1, (5, 12, 20, 30)), rectangle(1, (6, 14, 22, 33)), draw_label(0)
    network = Saying([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    Aligner(network, SPEC.label_channels)(piece, full(place), layout)
    colours, region, planes = (given[0].numpy() for given in network.given)
    assert np.allclose(colours[:, 5:20, 12:30], piece.colours.transpose(2, 0, 1) / 127.5 - 1, atol=1e-6)
    assert np.abs(colours).sum() == pytest.approx(np.abs(colours[:, 5:20, 12:30]).sum())
    assert np.array_equal(region[0] > 0, full(place))
    assert np.array_equal(planes.argmax(0), layout) and (planes.sum(0) == 1).all()
    larger = np.kron(layout, np.ones((2, 2), layout.dtype))
    Aligner(network, SPEC.label_channels)(piece, np.kron(full(place), np.ones((2, 2), bool)), larger)
    assert network.given[0].shape == (1, 3, 2 * FRAME[0], 2 * FRAME[1])
    assert (network.given[0][0, :, 10:40, 24:60] != 0).any(0).all(), "scaled to the layout"


def test_an_untrained_network_changes_no_canvas(make_bank):
    bank = make_bank()
    layout = draw_label(50)
    network = AlignmentNetwork(SPEC.label_channels, width=1)
    plain, aligned = (Canvases(bank, align=align).retrieved(layout) for align in (None, Aligner(network, 5)))
    assert np.array_equal(plain[0], aligned[0])


def test_the_class_that_scores_higher_lies_in_front():
    wall, door = segment(1, (10, 10, 30, 40)), segment(2, (15, 20, 25, 60))
    first, second = (
        Piece(one.region, one.region.box[:2], one.region.mask, one.colours) for one in (wall, door)
    )
    network = OrderNetwork(SPEC.label_channels, width=1)
    layout = draw_label(0)
    colours = np.arange(15).reshape(5, 3) * 17
    shown = []

    def answer(scores):
        def forward(*given):
            shown.append(given)
            return torch.tensor([scores])

        network.forward = forward

    judge = FrontJudge(network, colours)
    answer([0.0, 2.0, 1.0, 9.0, 9.0])
    assert judge(first, second, layout) and not judge(second, first, layout)
    answer([0.0, 1.0, 2.0, 9.0, 9.0])
    assert not judge(first, second, layout)
    one, other, whole = (given[0] for given in shown[0])
    for planes, piece, class_id in ((one, first, 1), (other, second, 2)):
        inside = torch.from_numpy(full(piece.region))
        expected = torch.tensor(colours[class_id] / 127.5 - 1, dtype=torch.float32)
        assert torch.allclose(planes[:, inside].T, expected.expand(int(inside.sum()), 3), atol=1e-6)
        assert (planes[:, ~inside] == 0).all()
    assert torch.allclose(whole.double(), torch.from_numpy(colours[layout] / 127.5 - 1).permute(2, 0, 1))
    assert not judge(first, first, layout), "of one class as they are laid"


def test_it_settles_overlaps_on_canvases(make_bank, monkeypatch):
    bank = make_bank()
    layout = draw_label(50)
    answers = []

    def always(self, first, second, given):
        answers.append((first.region.class_id, second.region.class_id))
        return True

    monkeypatch.setattr(module.FrontJudge, "__call__", always)
    judge = FrontJudge(OrderNetwork(5, width=1), np.zeros((5, 3)))
    plain, settled = (Canvases(bank, front=front).retrieved(layout)[0] for front in (None, judge))
    assert answers and not np.array_equal(plain, settled)


class Pairs:
    """Two drawn pairs."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        from asap_lightning.data.sample import Sample

        return Sample(str(index), label=draw_label(index), photo=draw_photo(index))


def test_own_segments_are_those_of_the_pairs_in_another_order_every_pass():
    def regions(label):
        return regions_of(label, SPEC.num_classes, min_area=4)

    examples = OwnSegments(Pairs(), regions, seed=3)
    passes = [[example.mask.tobytes() for example in examples] for _ in range(2)]
    expected = [full(region).tobytes() for index in range(2) for region in regions(draw_label(index))]
    assert sorted(passes[0]) == sorted(passes[1]) == sorted(expected)
    assert passes[0] != passes[1]
    assert [one.mask.tobytes() for one in OwnSegments(Pairs(), regions, seed=3)] == passes[0]
    assert np.array_equal(next(iter(examples)).photo.shape[:2], FRAME)


@pytest.fixture(scope="module")
def make_bank(tmp_path_factory):
    def make():
        folder = tmp_path_factory.mktemp("banks") / "bank"
        writer = BankWriter(folder, SPEC, FRAME, min_area=4)
        for seed in range(8):
            label = draw_label(seed)
            writer.add(f"train/{seed}", label, draw_photo(seed), regions_of(label, 4, min_area=4))
        writer.finish("drawn", np.zeros((5, 3), np.uint8))
        return Bank(folder)

    return make


def test_an_empty_region_gets_the_identity():
    network = Saying([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    empty = np.zeros(FRAME, bool)
    assert np.array_equal(Aligner(network, 5)(segment(1, (5, 5, 9, 9)), empty, draw_label(0)), IDENTITY)
