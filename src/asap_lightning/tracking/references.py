"""``wandb:entity/project/artifact:alias`` in place of a checkpoint file: downloaded once, kept in a cache."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.tracking.artifacts import remember_artifact
from asap_lightning.tracking.server import LOGIN_ADVICE, require_server, server_address

PREFIX = "wandb:"
PATTERN = re.compile(r"^(?:(?P<entity>[^/:]+)/)?(?P<project>[^/:]+)/(?P<name>[^/:]+):(?P<version>[^/:]+)$")
FIXED_VERSION = re.compile(r"^v\d+$")


@dataclass(frozen=True)
class ArtifactReference:
    """The parts of ``wandb:[entity/]project/artifact:alias``."""

    entity: str | None
    project: str
    name: str
    version: str

    @property
    def path(self) -> str:
        """As W&B takes it."""
        owner = f"{self.entity}/" if self.entity else ""
        return f"{owner}{self.project}/{self.name}:{self.version}"

    @property
    def is_fixed(self) -> bool:
        """Whether it names one version for ever (``v3``), not one that an alias moves on from."""
        return FIXED_VERSION.match(self.version) is not None


def parse_reference(text: str) -> ArtifactReference:
    """Takes a reference apart.

    Raises:
        UserError: it has not the form of one.
    """
    match = PATTERN.match(text.removeprefix(PREFIX))
    if match is None:
        raise UserError(
            f"{text}: expected wandb:ENTITY/PROJECT/ARTIFACT:ALIAS, such as "
            "wandb:us/facades/model-1a2b3c4d:best (ENTITY/ may be left out: your own)"
        )
    return ArtifactReference(**match.groupdict())


def cache_folder() -> Path:
    """Where downloaded artifacts are kept: ``asap-lightning/artifacts`` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "asap-lightning" / "artifacts"


def download_checkpoint(text: str, cache: Path | None = None, key: str = "ckpt") -> Path:
    """The checkpoint file of an artifact; downloaded unless this version of it is in the cache.

    Args:
        text: ``wandb:entity/project/artifact:alias``.
        cache: folder that keeps downloads; by default `cache_folder`.
        key: the option that it was given to, for messages.

    Raises:
        UserError: no such form, no API key, no server, no such artifact, or no checkpoint in it.
    """
    reference, given = parse_reference(text), f"{key}={text}"
    cache = cache_folder() if cache is None else cache
    if reference.is_fixed and (there := _cached(cache, reference.entity, reference, reference.version)):
        return there
    if os.environ.get("WANDB_MODE") in ("offline", "dryrun", "disabled"):
        raise UserError(
            f"{given}: W&B is switched off (WANDB_MODE={os.environ['WANDB_MODE']}); "
            "unset it, or give a checkpoint file"
        )
    require_server(given)
    artifact = _find(reference, given)
    there = _cached(cache, artifact.entity, reference, artifact.version)
    return there or _download(artifact, _place(cache, artifact.entity, reference, artifact.version), given)


def _place(cache: Path, entity: str | None, reference: ArtifactReference, version: str) -> Path:
    host = re.sub(r"\W+", "_", server_address().partition("://")[2])
    return cache / host / (entity or "_") / reference.project / reference.name / version


def _cached(cache: Path, entity: str | None, reference: ArtifactReference, version: str) -> Path | None:
    found = sorted(_place(cache, entity, reference, version).glob("*.ckpt"))
    return found[0] if entity and found else None


def _find(reference: ArtifactReference, given: str) -> Any:
    import wandb

    try:
        return wandb.Api(timeout=60).artifact(reference.path)
    except wandb.errors.AuthenticationError as error:
        raise UserError(
            f"{given}: {server_address()} does not accept the API key ({_first_line(error)}): {LOGIN_ADVICE}"
        ) from error
    except (wandb.errors.CommError, ValueError) as error:
        raise UserError(
            f"{given}: {server_address()} has no such artifact, or you may not see it "
            f"({_first_line(error)}); expected wandb:ENTITY/PROJECT/ARTIFACT:ALIAS as on the artifact's page"
        ) from error


def _download(artifact: Any, target: Path, given: str) -> Path:
    """Downloads into a folder beside ``target``, then renames: a killed download leaves no half file."""
    names = [name for name in artifact.manifest.entries if name.endswith(".ckpt")]
    if len(names) != 1:
        others = ", ".join(sorted(artifact.manifest.entries)[:5]) or "nothing"
        raise UserError(
            f"{given}: expected an artifact with one .ckpt file, found {len(names)} ({others}); "
            "artifacts that `asap train` logs are named model-RUNID"
        )
    for place in (Path(names[0]), Path(str(artifact.entity)), Path(str(artifact.version))):
        if place.is_absolute() or ".." in place.parts:  # the server chooses where files would be written
            raise UserError(f"{given}: is refused: it would be written to {ascii(str(place))[:80]}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
        try:
            # Not into W&B's own cache as well: checkpoints are large.
            artifact.download(root=folder, path_prefix=names[0], skip_cache=True)
        except Exception as error:  # requests', urllib3's, W&B's, the file system's: there is no common base
            raise UserError(f"{given}: the download has failed: {_first_line(error)}") from error
        file = Path(folder) / names[0]
        whole = Path(folder) / "whole"
        whole.mkdir()
        shutil.move(file, whole / file.name)
        remember_artifact(whole / file.name, f"{artifact.entity}/{artifact.project}/{artifact.name}")
        if not target.exists():
            whole.rename(target)
    return target / Path(names[0]).name


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
