"""CUDA graphs: a function of one tensor, recorded once a shape and replayed.

At batch 1 a convolutional network spends its time launching kernels; a replayed graph launches all at once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Recording(NamedTuple):
    """One recorded shape: replay reads ``inputs`` and writes ``outputs``."""

    graph: Any
    inputs: Tensor
    outputs: Tensor


def record(function: Callable[[Tensor], Tensor], example: Tensor) -> Recording:
    """Records ``function`` on tensors like ``example`` after three warm-up runs on a side stream."""
    inputs = torch.empty_like(example).copy_(example)
    side = torch.cuda.Stream(example.device)
    side.wait_stream(torch.cuda.current_stream(example.device))
    with torch.cuda.stream(side):
        for _ in range(3):
            function(inputs)
    torch.cuda.current_stream(example.device).wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = function(inputs)
    return Recording(graph, inputs, outputs)


class GraphedFunction:
    """Calls a function through CUDA graphs, one a shape; the least recently used shapes are dropped.

    Args:
        function: a function of one tensor without side effects and without synchronisation.
        capacity: number of shapes kept; each holds the memory of its intermediate results.
        recorder: how a shape is recorded.
    """

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        *,
        capacity: int = 4,
        recorder: Callable[[Callable[[Tensor], Tensor], Tensor], Recording] = record,
    ) -> None:
        if capacity < 1:
            raise ValueError(f"a graph cache needs capacity >= 1, got {capacity}")
        self._function, self._capacity, self._record = function, capacity, recorder
        self._recordings: OrderedDict[tuple[Any, ...], Recording] = OrderedDict()

    def __call__(self, tensor: Tensor) -> Tensor:
        """The function's result, a fresh tensor."""
        key = (tuple(tensor.shape), tensor.stride(), tensor.dtype, tensor.device)
        recording = self._recordings.pop(key, None)
        if recording is None:
            while len(self._recordings) >= self._capacity:
                self._recordings.popitem(last=False)
            recording = self._record(self._function, tensor)
        self._recordings[key] = recording
        recording.inputs.copy_(tensor)
        recording.graph.replay()
        return recording.outputs.clone()

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes kept, the least recently used first."""
        return [key[0] for key in self._recordings]

    def clear(self) -> None:
        """Drops every recording."""
        self._recordings.clear()
