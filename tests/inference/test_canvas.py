"""A generator that completes a canvas is given one, or a composer's, or says what is missing."""

import numpy as np
import pytest
import torch
from torch import nn

import small
from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.evaluation.cost.measure import measure_cost
from asap_lightning.inference import Translator
from asap_lightning.models import Generator, GeneratorOutput

SPEC = ConditionSpec(num_classes=4, has_unknown=True)
LABEL = np.arange(6 * 10).reshape(6, 10) % 4
CANVAS = np.random.default_rng(0).integers(0, 256, (6, 10, 4), np.uint8)
CANVAS[..., 3] = np.where(CANVAS[..., 3] > 127, 255, 0)


class Completing(Generator):
    """The canvas's colours, and what the class id says where there is no piece."""

    takes_canvas = True
    size_multiple = 4

    def __init__(self):
        super().__init__()
        self.spec, self.level = SPEC, nn.Parameter(torch.tensor(0.1))

    def forward(self, condition):
        canvas = condition.require_canvas()
        rest = (1 - canvas[:, 3:]) * self.level * condition.require_label()[:, None]
        return GeneratorOutput(canvas[:, :3] + rest)


def expected(canvas, label):
    filled = canvas[..., 3:] > 0
    rest = np.round((np.minimum(label * 0.1, 1) + 1) * 127.5)[..., None]
    return np.where(filled, canvas[..., :3], rest).astype(np.uint8)


def test_the_canvas_that_is_given_is_completed():
    translator = Translator.from_generator(Completing(), device="cpu")
    assert np.array_equal(translator(LABEL, canvas=CANVAS), expected(CANVAS, LABEL))
    tensor = translator(torch.from_numpy(LABEL)[None], canvas=CANVAS)
    assert torch.equal(tensor[0, :, CANVAS[..., 3] > 0], translator.translate(
        translator.to_condition(LABEL, None, CANVAS))[0, :, CANVAS[..., 3] > 0])  # fmt: skip


def test_a_composer_makes_the_canvas_and_may_change_the_layout():
    translator = Translator.from_generator(Completing(), device="cpu")
    seen = []

    def compose(ids):
        seen.append(ids)
        return CANVAS, (ids + 1) % 5

    translator.composer = compose
    translator.require_canvases()
    assert np.array_equal(translator(LABEL), expected(CANVAS, (LABEL + 1) % 5))
    assert np.array_equal(seen[0], LABEL) and seen[0].dtype == np.int32
    assert all(np.array_equal(image, translator(LABEL)) for image in translator.batch([LABEL, LABEL]))
    assert len(seen) == 5
    other = CANVAS[::-1].copy()
    assert np.array_equal(translator(LABEL, canvas=other), expected(other, LABEL)), "a given one is taken"


def test_without_a_canvas_the_message_says_where_one_comes_from():
    translator = Translator.from_generator(Completing(), device="cpu")
    for attempt in (lambda: translator(LABEL), translator.require_canvases):
        with pytest.raises(UserError, match=r"asap data segments.*data\.bank=BANK.*bank=BANK"):
            attempt()


@pytest.mark.parametrize(
    ("canvas", "message"),
    [
        (CANVAS[..., :3], r"\(6, 10, 4\).*got shape \(6, 10, 3\)"),
        (CANVAS[:5], r"got shape \(5, 10, 4\)"),
        (CANVAS.astype(np.float32), "of float32"),
    ],
)
def test_what_is_no_canvas_is_refused(canvas, message):
    with pytest.raises(UserError, match=message):
        Translator.from_generator(Completing(), device="cpu")(LABEL, canvas=canvas)


def test_a_canvas_is_of_one_image_and_of_a_model_that_takes_it():
    batch = torch.from_numpy(np.stack([LABEL, LABEL]))
    with pytest.raises(UserError, match="a batch of 2"):
        Translator.from_generator(Completing(), device="cpu")(batch, canvas=CANVAS)
    plain = Translator.from_generator(small.asap_generator(SPEC), device="cpu")
    plain.require_canvases()
    with pytest.raises(UserError, match=r"AsapGenerator.*leave canvas out"):
        plain(LABEL, canvas=CANVAS)


def test_what_only_needs_a_size_takes_an_empty_canvas():
    translator = Translator.from_generator(Completing(), device="cpu")
    translator.warmup(8, 8)
    assert measure_cost("latency", Completing(), 8, 8, device=torch.device("cpu"), repeats=1) > 0
