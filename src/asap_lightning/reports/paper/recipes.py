"""Which runs and metrics a table of a paper needs, and what the paper itself found.

A published figure stands here only where it is known for certain; None is "not known", never zero. Shares
are between 0 and 1, as the metrics of this package are. What a figure was measured on belongs to it: a
measurement under another protocol is never put beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Protocol:
    """How the images of a table are measured.

    Attributes:
        data: entries of ``about.data`` of an evaluation that must be equal.
        segmenter: name of the network that reads the images; None where nothing is segmented.
        evaluation: the configuration group of `asap evaluate` that measures this way.
        remark: what a reader must know before comparing.
    """

    data: Mapping[str, object]
    segmenter: str | None = None
    evaluation: str = "quick"
    remark: str = ""


@dataclass(frozen=True)
class PaperRow:
    """One system of a table.

    Attributes:
        system: its name in the paper.
        published: metric -> what the paper found; None where that is not known here.
        experiment: the recipe in ``conf/experiment/``; None where no training of this package stands for it.
        remark: why there is none, or what else is to be known.
    """

    system: str
    published: Mapping[str, float | None]
    experiment: str | None = None
    remark: str = ""


@dataclass(frozen=True)
class PaperTable:
    """A table of quality.

    Attributes:
        title: what it shows.
        source: the paper's table or section.
        metrics: keys of its columns, in order.
        protocol: how its images are measured.
        rows: its systems.
    """

    title: str
    source: str
    metrics: tuple[str, ...]
    protocol: Protocol
    rows: tuple[PaperRow, ...]


@dataclass(frozen=True)
class TimingTable:
    """A figure of run times: milliseconds an image, batch 1.

    Attributes:
        title, source: as in `PaperTable`.
        device: what the paper timed on.
        cases: heading -> case of `asap benchmark inference`.
        published: system -> heading -> milliseconds.
        sides: system -> its side in a benchmark's file.
        command: what fills it here.
    """

    title: str
    source: str
    device: str
    cases: Mapping[str, str]
    published: Mapping[str, Mapping[str, float]]
    sides: Mapping[str, str]
    command: str


@dataclass(frozen=True)
class Paper:
    """The tables of a paper.

    Attributes:
        title: of the paper.
        tables: of quality.
        timings: of run time.
        preferences: what people preferred in it, as text; such figures need people (`asap study`).
    """

    title: str
    tables: tuple[PaperTable, ...]
    timings: tuple[TimingTable, ...] = ()
    preferences: tuple[str, ...] = field(default=())


def _labels(height: int, width: int, segmenter: str | None, evaluation: str, remark: str = "") -> Protocol:
    data = {"split": "val", "height": height, "width": width, "limit": None}
    return Protocol(data, segmenter, evaluation, remark)


_QUALITY = ("miou", "pixel_accuracy", "fid")
_UNKNOWN = dict.fromkeys(_QUALITY)


def _quality(miou: float, accuracy: float, fid: float) -> dict[str, float | None]:
    return {"miou": miou, "pixel_accuracy": accuracy, "fid": fid}


_ACCURACY = (
    "SPADE's pixel accuracy on Cityscapes counts unlabelled pixels as wrong; without them the same images "
    "give 0.935. Others measured SPADE's own images at mIoU 0.579, FID 50.4 with another resize."
)

_CITYSCAPES_256 = PaperTable(
    "Cityscapes, 256 x 512",
    "SPADE table 1; CC-FPSE table 1",
    _QUALITY,
    _labels(256, 512, "drn_d_105", "paper_spade", _ACCURACY),
    (
        PaperRow("CRN", _quality(0.524, 0.771, 104.7), "crn_cityscapes"),
        PaperRow("pix2pixHD", _UNKNOWN, "pix2pixhd_cityscapes_512", "trained at 512 x 1024"),
        PaperRow("SPADE", _quality(0.623, 0.819, 71.8), "spade_cityscapes"),
        PaperRow("CC-FPSE", _quality(0.655, 0.823, 54.3), "ccfpse_cityscapes"),
        PaperRow("ASAP-Net", _UNKNOWN, "cityscapes_256", "'comparable' in the paper"),
    ),
)

_RUN_TIMES = TimingTable(
    "Run time by size, ms an image",
    "ASAP-Net, figure of run times (its printed labels)",
    "RTX 2080 Ti",
    {
        "256 x 256": "facades-256",
        "256 x 512": "cityscapes-256x512",
        "512 x 512": "facades-512",
        "512 x 1024": "cityscapes-512x1024",
        "1024 x 1024": "facades-1024",
        "2048 x 2048": "facades-2048",
    },
    {
        "ASAP-Net": {
            "256 x 256": 8.6,
            "512 x 512": 14.2,
            "512 x 1024": 29.0,
            "1024 x 1024": 35.0,
            "2048 x 2048": 130.0,
        },
        "pix2pixHD": {
            "256 x 256": 19.7,
            "512 x 512": 61.0,
            "1024 x 1024": 166.0,
            "2048 x 2048": 682.0,
        },
        "SPADE": {"256 x 256": 34.0, "512 x 512": 94.0, "512 x 1024": 190.0, "1024 x 1024": 359.0},
        "CC-FPSE": {"256 x 256": 71.0, "512 x 512": 257.0, "512 x 1024": 520.0},
        "SIMS": {"256 x 256": 24.0, "512 x 1024": 188.0},
        "CRN": {"256 x 512": 158.0, "512 x 1024": 295.0},
    },
    {"ASAP-Net": "native", "pix2pixHD": "pix2pixhd", "SPADE": "spade", "CC-FPSE": "ccfpse", "CRN": "crn"},
    "asap benchmark inference --cases facades-256 facades-512 facades-1024 cityscapes-256x512 "
    "cityscapes-512x1024 --peers pix2pixhd spade ccfpse crn",
)

PAPERS: dict[str, Paper] = {
    "asap": Paper(
        "Spatially-Adaptive Pixelwise Networks for Fast Image Translation (ASAP-Net, CVPR 2021)",
        (
            _CITYSCAPES_256,
            PaperTable(
                "CMP facades, 512 x 512",
                "ASAP-Net section 4",
                ("fid",),
                _labels(512, 512, None, "paper_asap"),
                (PaperRow("ASAP-Net", {"fid": None}, "facades_512", "'comparable' in the paper"),),
            ),
            PaperTable(
                "CMP facades, 1024 x 1024",
                "ASAP-Net section 4",
                ("fid",),
                _labels(1024, 1024, None, "paper_asap"),
                (PaperRow("ASAP-Net", {"fid": None}, "facades_1024", "'comparable' in the paper"),),
            ),
        ),
        (_RUN_TIMES,),
    ),
    "spade": Paper(
        "Semantic Image Synthesis with Spatially-Adaptive Normalization (SPADE, CVPR 2019)",
        (
            _CITYSCAPES_256,
            PaperTable(
                "COCO-Stuff, 256 x 256",
                "SPADE table 1",
                _QUALITY,
                _labels(256, 256, "deeplabv2", "paper_spade"),
                (
                    PaperRow("SPADE", _quality(0.374, 0.679, 22.6), "spade_cocostuff"),
                    PaperRow("ASAP-Net", _UNKNOWN, "cocostuff_256", "not in the papers"),
                ),
            ),
            PaperTable(
                "ADE20K, 256 x 256",
                "SPADE table 1",
                _QUALITY,
                _labels(256, 256, "upernet101", "paper_spade"),
                (PaperRow("SPADE", _quality(0.385, 0.799, 33.9), "spade_ade20k"),),
            ),
            PaperTable(
                "ADE20K-outdoor, 256 x 256",
                "SPADE table 1",
                _QUALITY,
                _labels(256, 256, "upernet101", "paper_spade"),
                (PaperRow("SPADE", _quality(0.308, 0.829, 63.3), "spade_ade20k_outdoor"),),
            ),
        ),
        preferences=("SPADE was preferred on Cityscapes; its figures are not known here for certain",),
    ),
    "pix2pix": Paper(
        "Image-to-Image Translation with Conditional Adversarial Networks (pix2pix, CVPR 2017)",
        (
            PaperTable(
                "FCN score, Cityscapes labels to photos",
                "pix2pix table 1",
                ("pixel_accuracy", "class_accuracy", "miou"),
                _labels(256, 256, "fcn8s", "paper_pix2pix", "images are resized to 1024 x 2048 for the FCN"),
                (
                    PaperRow(
                        "L1 + cGAN",
                        {"pixel_accuracy": 0.66, "class_accuracy": 0.23, "miou": 0.17},
                        "pix2pix_cityscapes",
                    ),
                    PaperRow(
                        "photos",
                        {"pixel_accuracy": 0.80, "class_accuracy": 0.26, "miou": 0.21},
                        None,
                        "bound",
                    ),
                ),
            ),
        ),
        preferences=(
            "18.9 +- 2.5 % of the aerial photos made from maps fooled a viewer (pix2pix_maps_to_aerial)",
            "6.1 % of the maps made from aerial photos (pix2pix_aerial_to_maps)",
            "22.5 % of the colourised photos (pix2pix_colorization)",
        ),
    ),
}
"""By the name of `asap report paper NAME`."""
