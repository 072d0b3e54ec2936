"""Semantic-segmentation networks of the library ``transformers``, from its cache or a local folder.

Nothing is fetched here, no code of a model's repository is run, and weights are read as safetensors alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from asap_lightning.errors import Unavailable, UserError
from asap_lightning.models.segmenters.segmenter import Normalisation, Segmenter, Sizes
from asap_lightning.untrusted import read_json

SETTINGS = "preprocessor_config.json"


class _Scores(nn.Module):
    """The logits alone."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.inner = network

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.inner(pixel_values=x).logits
        return scores


def transformers_segmenter(name: str) -> Segmenter:
    """A network by its name on the hub, or a folder of ``save_pretrained``.

    It is normalised and sized as its `SETTINGS` say; without them as ImageNet's, at the picture's own size.

    Raises:
        UserError: a folder that holds no such network.
        Unavailable: the library is not installed, or the network is not in the cache.
    """
    try:
        from transformers import AutoModelForSemanticSegmentation
        from transformers.utils import cached_file
    except ImportError as error:
        raise Unavailable(
            "segmenter=transformers needs the library 'transformers'",
            "pip install 'asap-lightning[transformers]'",
        ) from error
    try:
        network = AutoModelForSemanticSegmentation.from_pretrained(
            name, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:300]
        if Path(name).is_dir():
            raise UserError(
                f"segmenter.name={name}: the folder holds no semantic-segmentation network of transformers "
                f"with safetensors: {reason}"
            ) from error
        raise Unavailable(
            f"'{name}' is not in the cache of transformers: {reason}", f"hf download {name}"
        ) from error
    found = cached_file(
        name, SETTINGS, local_files_only=True, _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )  # fmt: skip
    settings = read_json(Path(found)) if found else {}
    config = network.config
    return Segmenter(
        _Scores(network),
        int(config.num_labels),
        title=f"transformers {Path(name).name if Path(name).is_dir() else name}",
        normalisation=_normalisation(settings if isinstance(settings, dict) else {}, name),
        sizes=_sizes(settings if isinstance(settings, dict) else {}),
        class_names=tuple(str(config.id2label[index]) for index in range(config.num_labels)),
    )


def _normalisation(settings: dict[str, Any], name: str) -> Normalisation:
    usual = Normalisation()
    mean, std = settings.get("image_mean", usual.mean), settings.get("image_std", usual.std)
    for values in (mean, std):
        if len(values) != 3 or not all(isinstance(value, int | float) for value in values):
            raise UserError(
                f"{name}: {SETTINGS} gives {values!r}; three numbers, a channel each, were expected"
            )
    scale = settings.get("rescale_factor", 1 / 255) if settings.get("do_rescale", True) else 1.0
    if not settings.get("do_normalize", True):
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return Normalisation(tuple(mean), tuple(std), scale=float(scale))


def _sizes(settings: dict[str, Any]) -> Sizes:
    size = settings.get("size")
    if not settings.get("do_resize", True) or size is None:
        return Sizes()
    if isinstance(size, int):
        return Sizes(fixed=(size, size))
    if "height" in size and "width" in size:
        return Sizes(fixed=(int(size["height"]), int(size["width"])))
    if "shortest_edge" in size:
        return Sizes(short_sides=(int(size["shortest_edge"]),), longest=int(size.get("longest_edge", 2**14)))
    return Sizes()
