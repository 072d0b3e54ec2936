"""Which code a run was made with, and on what machine."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import asap_lightning

LARGEST_PATCH = 1_000_000
"""Characters of a diff that are kept; a larger one is cut, and says so at its end."""


@dataclass(frozen=True)
class CodeState:
    """The program's version and, in a checkout, its commit.

    Attributes:
        version: of the package.
        root: the checkout; None if the package is installed, not checked out.
        commit: its newest commit.
        changed: whether files differ from it.
        patch: ``git diff`` against it.
    """

    version: str
    root: Path | None = None
    commit: str | None = None
    changed: bool = False
    patch: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For a run's configuration."""
        return {"version": self.version, "git_commit": self.commit, "git_changed": self.changed}


@cache
def code_state(package: Path | None = None) -> CodeState:
    """The state of the program's code; without git that of W&B's switch WANDB_DISABLE_GIT=true too.

    Args:
        package: folder of the package; by default this one's.
    """
    package = package or Path(asap_lightning.__file__).parent
    version = asap_lightning.__version__
    if os.environ.get("WANDB_DISABLE_GIT", "").lower() in ("1", "true"):
        return CodeState(version)
    # An environment inside somebody's repository is not a checkout of ours: the file must be tracked.
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return CodeState(version)
    root, commit = _git(package, "rev-parse", "--show-toplevel"), _git(package, "rev-parse", "HEAD")
    patch = _git(package, "diff", "HEAD", "--", ":/") or ""
    if len(patch) > LARGEST_PATCH:
        patch = f"{patch[:LARGEST_PATCH]}\n[cut: the whole diff has {len(patch)} characters]\n"
    return CodeState(
        version,
        root=Path(root.strip()) if root else None,
        commit=commit.strip() if commit else None,
        changed=bool(patch),
        patch=patch,
    )


def environment() -> dict[str, Any]:
    """Versions and hardware, as plain data for a run's configuration."""
    import pytorch_lightning
    import torch

    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "torch": torch.__version__,
        "lightning": pytorch_lightning.__version__,
        "cuda": torch.version.cuda,
        "gpus": devices,
        "cpus": os.cpu_count(),
    }


def _git(folder: Path, *words: str) -> str | None:
    """What git says; None if there is no git, no checkout, or an error."""
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", errors="replace")
