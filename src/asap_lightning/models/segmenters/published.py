"""The segmenters of the papers, with what each of them is given and where its weights are published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from asap_lightning.models.segmenters.segmenter import Combination, Normalisation, Segmenter, Sizes


@dataclass(frozen=True)
class Published:
    """A segmenter whose weights are published.

    Attributes:
        title: its name in reports.
        data: the data set whose classes it knows.
        classes: their number.
        files: names of the files of its weights.
        address: where they lie, without the file's name.
        source: paper and program.
        normalisation, sizes, combination: see `Segmenter`.
    """

    title: str
    data: str
    classes: int
    files: tuple[str, ...]
    address: str
    source: str
    normalisation: Normalisation
    sizes: Sizes
    combination: Combination = "single"

    def segmenter(self, network: nn.Module) -> Segmenter:
        """The network, wrapped in what it is given."""
        return Segmenter(
            network,
            self.classes,
            title=self.title,
            normalisation=self.normalisation,
            sizes=self.sizes,
            combination=self.combination,
        )

    @property
    def default_paths(self) -> tuple[Path, ...]:
        """Where the files are looked for: in torch's cache, UPerNet's two in a folder of their own."""
        cache = Path(torch.hub.get_dir()) / "checkpoints"
        folder = cache / self.address.rsplit("/", 1)[-1] if len(self.files) > 1 else cache
        return tuple(folder / file for file in self.files)

    @property
    def fetch_command(self) -> str:
        """A command that fetches the files to there."""
        return " && ".join(
            f"curl -fL --create-dirs -o '{path}' {self.address}/{path.name}" for path in self.default_paths
        )


PUBLISHED = {
    "drn_d_105": Published(
        "DRN-D-105",
        "Cityscapes",
        19,
        ("drn-d-105_ms_cityscapes.pth",),
        "http://dl.yf.io/drn",
        "Yu et al. 2017, github.com/fyu/drn",
        Normalisation((0.290101, 0.328081, 0.286964), (0.182954, 0.186566, 0.184475)),
        Sizes(multiple=8),
        "log_probabilities",
    ),
    "deeplabv2": Published(
        "DeepLab v2 ResNet-101 MSC",
        "COCO-Stuff",
        182,
        ("deeplabv2_resnet101_msc-cocostuff164k-100000.pth",),
        "https://github.com/kazuto1011/deeplab-pytorch/releases/download/v1.0",
        "Chen et al. 2018, github.com/kazuto1011/deeplab-pytorch",
        Normalisation((104.008, 116.669, 122.675), (1.0, 1.0, 1.0), scale=1, bgr=True),
        Sizes(),
    ),
    "upernet101": Published(
        "UPerNet-101",
        "ADE20K",
        150,
        ("encoder_epoch_50.pth", "decoder_epoch_50.pth"),
        "http://sceneparsing.csail.mit.edu/model/pytorch/baseline-resnet101-upernet",
        "Xiao et al. 2018, github.com/CSAILVision/semantic-segmentation-pytorch",
        Normalisation(),
        Sizes(short_sides=(300, 375, 450, 525, 600), multiple=32),
        "probabilities",
    ),
    "fcn8s": Published(
        "FCN-8s (pix2pix's FCN score)",
        "Cityscapes",
        20,
        ("fcn-8s-cityscapes.caffemodel",),
        "http://people.eecs.berkeley.edu/~tinghuiz/projects/pix2pix/fcn-8s-cityscapes",
        "Long et al. 2015, Isola et al. 2017",
        Normalisation((72.78044, 83.21195, 73.45286), (1.0, 1.0, 1.0), scale=1, bgr=True),
        Sizes(fixed=(1024, 2048)),
    ),
}
"""By the name of its file in ``conf/segmenter``."""
