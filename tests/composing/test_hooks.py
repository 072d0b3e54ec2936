"""Fitted networks as what canvases ask, on drawn segments."""

import numpy as np
import pytest
import torch
from torch import nn

from asap_lightning.composing import Aligner, FrontJudge
from asap_lightning.composing import hooks as module
from asap_lightning.models.sims import AlignmentNetwork, OrderNetwork
from asap_lightning.segments.bank import Bank, Segment
from asap_lightning.segments.canvases import Canvases
from asap_lightning.segments.pieces import IDENTITY, Piece, laid
from asap_lightning.segments.regions import region_of_mask, regions_of
from asap_lightning.segments.writer import BankWriter
from banks import FRAME, SPEC, draw_label, draw_photo


class Saying(nn.Module):
    """Answers alike whatever it is shown, and keeps what that was."""

    def __init__(self, answer):
        super().__init__()
        self.answer = nn.Parameter(torch.tensor(answer))
        self.label_channels = SPEC.label_channels

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


def test_a_networks_map_is_of_the_window_and_rounded_about_the_regions_middle():
    piece, place = segment(1, (10, 12, 30, 42)), rectangle(1, (10, 16, 30, 46))
    layout = draw_label(0)
    # 64 window pixels show 1.5 times the box, so 45 by 30 of the picture's.
    across, down = 45 / 64, 30 / 64
    network = Saying([[1.04, 0.01, -3.6 / across], [0.02, 0.97, 0.3 / down]])
    align = Aligner(network)
    assert align(piece, full(place), layout).tolist() == [[1, 0, -4], [0, 1, 0]]
    moved = laid(piece, place, scale_box=False, align=align, label=layout)
    assert moved.corner == (10, 16) and np.array_equal(moved.colours, piece.colours)
    away = Aligner(Saying([[1.0, 0.0, 5.0 / across], [0.0, 1.0, 0.0]]))
    assert laid(piece, place, scale_box=False, align=away, label=layout).corner == (10, 12), "it stays"
    finer = Aligner(Saying([[1.2, 0.0, 0.0], [0.0, 0.9, 0.0]]), decimals=1)(piece, full(place), layout)
    middle = np.array([31.0 - 32, 20.0 - 24])  # of the region's pixels, about the picture's middle
    np.testing.assert_allclose(finer[:, :2] @ middle + finer[:, 2], middle, atol=1e-6)
    np.testing.assert_allclose(finer[:, :2], [[1.2, 0], [0, 0.9]], atol=1e-6)


def test_the_network_is_shown_the_piece_its_region_and_the_layout():
    piece, place, layout = segment(1, (5, 12, 20, 30)), rectangle(1, (6, 14, 22, 33)), draw_label(0)
    network = Saying([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    Aligner(network, side=64)(piece, full(place), layout)
    shown, region, planes = (given[0].numpy() for given in network.given)
    assert shown.shape == (4, 64, 64) and region.shape == (1, 64, 64) and planes.shape == (5, 64, 64)
    box = np.argwhere(region[0] > 0)
    assert region.min() == 0 and set(np.unique(region)) == {0.0, 1.0}
    assert np.abs(box.min(0) - 64 / 6).max() < 1 and np.abs(box.max(0) + 1 - 64 * 5 / 6).max() < 1
    rows, columns = (np.arange(64) + 0.5 - 32) * 24 / 64 + 14, (np.arange(64) + 0.5 - 32) * 28.5 / 64 + 23.5
    there = (rows > 5.5) & (rows < 19.5), (columns > 12.5) & (columns < 29.5)
    assert shown[3][np.ix_(*there)].min() > 0.999 and (shown[3][:, columns > 30.5] == 0).all()
    assert (np.abs(shown[:3]).sum(0) > 0)[shown[3] > 0.999].mean() > 0.99
    ids = np.full((64, 64), -1)
    inside = (rows > 0) & (rows < FRAME[0]), (columns > 0) & (columns < FRAME[1])
    ids[np.ix_(*inside)] = layout[np.ix_(rows[inside[0]].astype(int), columns[inside[1]].astype(int))]
    assert (np.where(planes.any(0), planes.argmax(0), -1) == ids).mean() > 0.97
    larger = np.kron(layout, np.ones((2, 2), layout.dtype))
    before = network.given
    Aligner(network, side=64)(piece, np.kron(full(place), np.ones((2, 2), bool)), larger)
    assert (network.given[1] == before[1]).float().mean() > 0.97, "the window grows with the layout"


def test_an_untrained_network_changes_no_canvas(make_bank):
    bank = make_bank()
    layout = draw_label(50)
    network = AlignmentNetwork(SPEC.label_channels, width=1)
    plain, aligned = (Canvases(bank, align=align).retrieved(layout) for align in (None, Aligner(network)))
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
    for planes, class_id in ((one, 1), (other, 2)):
        expected = torch.tensor(colours[class_id] / 127.5 - 1, dtype=torch.float32)
        inside = (planes != 0).any(0)
        assert inside.any() and not inside.all()
        assert torch.allclose(planes[:, inside].T, expected.expand(int(inside.sum()), 3), atol=1e-6)
    levels = {tuple(pixel) for pixel in ((whole.flatten(1).T + 1) * 127.5).round(decimals=1).tolist()}
    assert levels <= {tuple(map(float, colour)) for colour in colours} | {(127.5, 127.5, 127.5)}
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
    assert np.array_equal(Aligner(network)(segment(1, (5, 5, 9, 9)), empty, draw_label(0)), IDENTITY)


def test_only_the_surroundings_of_the_region_are_looked_at():
    """A layout ten times as large as the window: the same answer, and nothing of its size is made."""
    size = (480, 640)
    large = np.zeros(size, np.uint8)
    large[210:240, 300:350] = 1
    piece, place = segment(1, (205, 290, 235, 345), size), rectangle(1, (210, 300, 240, 350), size)
    network = Saying([[1.0, 0.0, 7.0], [0.0, 1.0, -2.0]])
    found = Aligner(network)(piece, full(place), large)
    shift = np.array([7 * 75 / 64, -2 * 45 / 64])
    assert found.tolist() == [[1, 0, round(shift[0])], [0, 1, round(shift[1])]]
    near = module.surroundings(place.box, size)
    assert [one.stop - one.start for one in near] == [48, 78]
    cut = tuple(slice(one.start - 3, one.stop + 3) for one in near)
    shown = network.given
    top, left = (one.start for one in cut)
    moved = segment(1, (205 - top, 290 - left, 235 - top, 345 - left), (54, 84))
    Aligner(network)(moved, full(place)[cut], large[cut])
    for one, other in zip(shown, network.given, strict=True):
        assert torch.allclose(one, other, atol=1e-4)
    at_edge = module.surroundings((0, 600, 30, 640), size)
    assert (at_edge[0].start, at_edge[1].stop) == (0, 640)


def test_windows_on_two_pieces_show_the_nearest_ids_and_nothing_outside():
    layout = np.arange(12 * 12).reshape(12, 12) % 4
    pieces = [
        Piece(one.region, one.region.box[:2], one.region.mask, one.colours)
        for one in (segment(1, (0, 0, 8, 4), (12, 12)), segment(2, (4, 2, 8, 8), (12, 12)))
    ]
    first, second, shown = module.window_on(*pieces, layout, 12)  # half a window has six pixels: one to one
    assert np.array_equal(shown[2:10, 2:10], layout[:8, :8])
    assert (shown[:2] == -1).all() and (shown[:, :2] == -1).all()
    assert np.array_equal(first == 1, np.pad(full(pieces[0].region), 2)[:12, :12])
    assert np.array_equal(second == 2, np.pad(full(pieces[1].region), 2)[:12, :12])
    assert set(np.unique(first)) == {-1, 1} and set(np.unique(second)) == {-1, 2}
