"""What a network says of images that it cannot take, as a reason for a score that is not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from asap_lightning.errors import Unavailable
from asap_lightning.wording import counted, listed


@contextmanager
def refusing(names: Sequence[str], size: tuple[int, int], what: str = "the network") -> Iterator[None]:
    """Turns a network's error into `Unavailable` with names and size of the images that it was given.

    Networks say in many ways that an image is too small for their layers. Lack of memory is no such refusal.

    Args:
        names: of the images.
        size: their height and width.
        what: the network, for messages.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError, IndexError, AssertionError, ArithmeticError) as error:
        lines = str(error).strip().splitlines()
        said = lines[0] if lines else type(error).__name__
        raise Unavailable(
            f"{what} cannot take {counted(len(names), 'image')} of {size[1]} x {size[0]} (width x height; "
            f"{listed(names)}): {said}"
        ) from error


def require_finite(features: torch.Tensor, names: Sequence[str]) -> torch.Tensor:
    """Features (B, ..), one row an image, as they are.

    Raises:
        Unavailable: some are no finite numbers.
    """
    bad = (~torch.isfinite(features)).flatten(1).any(1).tolist()
    if any(bad):
        these = [name for name, is_bad in zip(names, bad, strict=True) if is_bad]
        raise Unavailable(
            f"the network's features of {counted(len(these), 'image')} are not finite: {listed(these)}"
        )
    return features
