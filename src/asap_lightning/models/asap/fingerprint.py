"""Noticing that a module's weights are no longer those that something was made from."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

SAMPLES = 1024
_WHOLE = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class Fingerprint:
    """A module's parameters and buffers as they are now, to be compared with later ones.

    A change is noticed when a tensor is another one or lies elsewhere (`load_state_dict(assign=True)`, a new
    ``.data``, another layer), when torch's version counter has moved (optimizers, in-place operations), or by
    content, for what no counter sees: inference tensors, ``.data.add_(..)``, a flat vector that the weights
    are views of. Content is ``SAMPLES`` entries of each tensor, evenly spread, and of inference tensors the
    sum over all. What escapes is a change, behind a tensor's counter, of few entries of a large one.

    The old storages are held, so that no new one can lie at their address.
    """

    def __init__(self, module: nn.Module) -> None:
        self._tensors = _tensors(module)
        self._marks = [_mark(tensor) for tensor in self._tensors]
        flat = [_flat(tensor) for tensor in self._tensors]
        self._samples = [entries[:: -(-max(1, entries.numel()) // SAMPLES)] for entries in flat]
        uncounted = [entries for entries, t in zip(flat, self._tensors, strict=True) if t.is_inference()]
        self._words = [words for entries in uncounted for words in _words(entries)]
        self._content, self._sums = self._gathered(), self._summed()

    @torch.no_grad()
    def matches(self, module: nn.Module) -> bool:
        """Whether the module's weights are the same as then."""
        tensors = _tensors(module)
        return (
            len(tensors) == len(self._tensors)
            and all(a is b for a, b in zip(tensors, self._tensors, strict=True))
            and [_mark(tensor) for tensor in tensors] == self._marks
            and torch.equal(self._gathered(), self._content)
            and self._summed() == self._sums
        )

    def _gathered(self) -> Tensor:
        return torch.cat(self._samples) if self._samples else torch.empty(0)

    def _summed(self) -> list[int]:
        """Of inference tensors the sums of their bits as whole numbers: a change of any entry shows."""
        return [int(words.sum()) for words in self._words]


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def _mark(tensor: Tensor) -> tuple[int, int]:
    return tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version


def _flat(tensor: Tensor) -> Tensor:
    """All entries, in any order: a view of those of dense tensors."""
    own = tensor.detach()
    dense = own.is_contiguous() or (own.ndim == 4 and own.is_contiguous(memory_format=torch.channels_last))
    return own.as_strided((own.numel(),), (1,)) if dense else own.reshape(-1)


def _words(entries: Tensor) -> Iterator[Tensor]:
    """Views of all bytes as integers: of 8 bytes, which are summed fastest, and what is left at both ends."""
    each = 8 // entries.element_size()
    first = min(-entries.storage_offset() % each, entries.numel())
    last = first + (entries.numel() - first) // each * each
    yield entries[first:last].view(torch.int64)
    for rest in (entries[:first], entries[last:]):
        yield rest.view(_WHOLE[rest.element_size()])
