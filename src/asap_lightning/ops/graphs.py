"""CUDA graphs: a function of one tensor, recorded once a shape and replayed.

At batch 1 a convolutional network spends its time launching kernels; a replayed graph launches all at once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from asap_lightning.ops.devices import on_device


class Recording(NamedTuple):
    """One recorded shape: replay reads ``inputs`` and writes ``outputs``."""

    graph: Any
    inputs: Tensor
    outputs: Tensor


_one_capture = threading.Lock()


def record(function: Callable[[Tensor], Tensor], example: Tensor) -> Recording:
    """Records ``function`` on tensors like ``example`` after three warm-up runs on a side stream.

    The example's device must be the current one. Captures take turns, and other threads may go on working
    on the GPU meanwhile.
    """
    inputs = torch.empty_like(example).copy_(example)
    side = torch.cuda.Stream(example.device)
    side.wait_stream(torch.cuda.current_stream(example.device))
    with torch.cuda.stream(side):
        for _ in range(3):
            function(inputs)
    torch.cuda.current_stream(example.device).wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    # A stream of our own: torch's default one for captures stays on the device that it was first used on.
    with _one_capture, torch.cuda.graph(graph, stream=side, capture_error_mode="thread_local"):
        outputs = function(inputs)
    return Recording(graph, inputs, outputs)


class GraphedFunction:
    """Calls a function through CUDA graphs, one a shape; the least recently used shapes are dropped.

    Threads may call it at once: they take turns at the recorded inputs and outputs, on the host and, where
    they use streams of their own, on the GPU.

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
        self._lock = threading.Lock()
        self._last_use: dict[torch.device, Any] = {}  # an event a GPU

    def __call__(self, tensor: Tensor) -> Tensor:
        """The function's result, a fresh tensor."""
        with self._lock, on_device(tensor.device), self._after_last_use(tensor.device):
            recording = self._recording(tensor)
            recording.inputs.copy_(tensor)
            recording.graph.replay()
            return recording.outputs.clone()

    def _recording(self, tensor: Tensor) -> Recording:
        key = (tuple(tensor.shape), tensor.stride(), tensor.dtype, tensor.device)
        recording = self._recordings.pop(key, None)
        if recording is None:
            while len(self._recordings) >= self._capacity:
                self._recordings.popitem(last=False)
            recording = self._record(self._function, tensor)
        self._recordings[key] = recording
        return recording

    @contextmanager
    def _after_last_use(self, device: torch.device) -> Iterator[None]:
        """Orders the GPU's work after that of the call before, which another stream may have been given."""
        if device.type != "cuda":
            yield
            return
        stream = torch.cuda.current_stream(device)
        if device in self._last_use:
            stream.wait_event(self._last_use[device])
        yield
        self._last_use[device] = stream.record_event()

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes kept, the least recently used first."""
        return [key[0] for key in self._recordings]

    def clear(self) -> None:
        """Drops every recording."""
        with self._lock:
            self._recordings.clear()
