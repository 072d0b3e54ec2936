"""The bounded cache of CUDA graphs, with a recorder that needs no GPU."""

from __future__ import annotations

import pytest
import torch

from asap_lightning.ops.graphs import GraphedFunction, Recording


class Replay:
    """Stands for a CUDA graph: computes again into the recorded output."""

    def __init__(self, function, inputs, outputs):
        self.function, self.inputs, self.outputs = function, inputs, outputs

    def replay(self):
        self.outputs.copy_(self.function(self.inputs))


def recorder(function, example):
    inputs = example.clone()
    outputs = function(inputs)
    return Recording(Replay(function, inputs, outputs), inputs, outputs)


def test_results_are_fresh_tensors_and_shapes_bounded():
    graphed = GraphedFunction(lambda x: 2 * x, capacity=2, recorder=recorder)
    first = graphed(torch.ones(1, 2))
    second = graphed(torch.full((1, 2), 3.0))
    assert torch.equal(first, torch.full((1, 2), 2.0))
    assert torch.equal(second, torch.full((1, 2), 6.0))
    graphed(torch.ones(1, 3))
    graphed(torch.ones(1, 2))
    graphed(torch.ones(1, 4))
    assert graphed.shapes == [(1, 2), (1, 4)]
    graphed.clear()
    assert graphed.shapes == []


def test_capacity_must_be_positive():
    with pytest.raises(ValueError, match="capacity >= 1"):
        GraphedFunction(lambda x: x, capacity=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_on_a_gpu():
    convolution = torch.nn.Conv2d(3, 4, 3).cuda()
    graphed = GraphedFunction(convolution)
    with torch.inference_mode():
        for size in (8, 8, 16):
            image = torch.randn(1, 3, size, size, device="cuda")
            torch.testing.assert_close(graphed(image), convolution(image))
