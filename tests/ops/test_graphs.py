"""The bounded cache of CUDA graphs, with a recorder that needs no GPU."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import torch

from asap_lightning.ops import graphs
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


def test_threads_take_turns():
    """Without a lock one thread's input is replayed for another, whose output it then reads."""

    def slow_recorder(function, example):
        recording = recorder(function, example)
        replay = recording.graph.replay

        def paused():
            time.sleep(0)  # lets another thread go on here
            replay()
            time.sleep(0)

        recording.graph.replay = paused
        return recording

    graphed = GraphedFunction(lambda x: 2 * x, capacity=2, recorder=slow_recorder)

    def call(number):
        with torch.inference_mode():
            shape = (1, 1 + number % 3)  # of three shapes two are kept
            return torch.equal(graphed(torch.full(shape, float(number))), torch.full(shape, 2.0 * number))

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            right = list(pool.map(call, range(600)))
    finally:
        sys.setswitchinterval(before)
    assert sum(right) == 600


def test_a_capture_happens_on_the_tensors_device(monkeypatch):
    current = []

    @contextmanager
    def on_device(device):
        current.append(device)
        yield
        current.pop()

    monkeypatch.setattr(graphs, "on_device", on_device)

    def watched(function, example):
        assert current == [example.device]
        return recorder(function, example)

    assert GraphedFunction(lambda x: x + 1, recorder=watched)(torch.zeros(2)).tolist() == [1, 1]
    assert current == []
