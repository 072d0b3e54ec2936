"""Writing safetensors files whose bytes follow from what they hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def write_safetensors(file: IO[bytes], weights: Mapping[str, Tensor], texts: Mapping[str, str]) -> None:
    """Writes a safetensors file into ``file``, its texts in the order of their names.

    The library's own order changes from call to call, so that equal contents would have other digests.

    Args:
        file: open for writing.
        weights: contiguous tensors by name.
        texts: the metadata.
    """
    from safetensors.torch import save

    made = memoryview(save(dict(weights), metadata=dict(texts)))
    start = 8 + int.from_bytes(made[:8], "little")
    header = json.loads(bytes(made[8:start]))
    header["__metadata__"] = dict(sorted(texts.items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the format's alignment
    file.write(len(text).to_bytes(8, "little") + text)
    file.write(made[start:])
