"""What may be named where a model is wanted: the box, files, runs, addresses, repositories of a hub."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asap_lightning.box import MODELS, boxed
from asap_lightning.download import LARGEST, cache_folder, download
from asap_lightning.errors import UserError
from asap_lightning.files import sha256_of
from asap_lightning.model_file import MODEL
from asap_lightning.run_folder.names import BEST, LAST, checkpoint_in

log = logging.getLogger(__name__)

HUB = "hf://"
_REPOSITORY = re.compile(
    r"hf://(?P<name>[\w][\w.-]{0,95}/[\w][\w.-]{0,95})@(?P<revision>[\w][\w./-]{0,199})", re.ASCII
)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_EXPECTED = (
    f"a model that comes with the package ({', '.join(MODELS)}), a checkpoint or .safetensors file, the "
    "folder of a run or of an exported model, https://.., or hf://OWNER/NAME@REVISION"
)


def find_model(source: str | os.PathLike[str]) -> Path:
    """The file that is meant, on this machine; it is downloaded where it is not.

    Args:
        source: the name of a model in the box (``./facades`` is a file of that name), a checkpoint or model
            file, a run's folder (its best checkpoint, or else its last), a folder with `model_file.MODEL`,
            an address (``https://..#sha256=HEX`` checks what arrives), or ``hf://owner/name@revision``.

    Raises:
        UserError: nothing there, or not reachable.
    """
    text = os.fspath(source)
    if text in MODELS:
        return boxed(text)
    if text.startswith(HUB):
        return from_hub(text)
    if "://" in text:
        return download(text)
    path = Path(text).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        return _in_folder(path)
    raise UserError(f"model={text}: there is no such file or folder; expected was {_EXPECTED}")


def _in_folder(folder: Path) -> Path:
    model = folder / MODEL
    found = model if model.is_file() else checkpoint_in(folder)
    if found is None:
        raise UserError(
            f"model={folder} is a folder without {MODEL}, {BEST} or {LAST}: the folder of a run or of an "
            "exported model was expected"
        )
    return found


@dataclass(frozen=True)
class _Remote:
    """What a hub says of a file: its commit, its size, and a digest of its content."""

    commit: str
    size: int
    digest: str


def from_hub(source: str) -> Path:
    """The model file of a repository on the Hugging Face hub; nothing else of the repository is fetched.

    The revision says which: a commit (40 digits) always means the same file, and once it is here no network
    is used; for a tag or a branch the commit it stands for is logged. The content is checked against the
    digest that the hub keeps of it. ``$HF_ENDPOINT`` names another hub.

    Raises:
        UserError: malformed, the extra ``hub`` is not installed, no such repository, revision or file, not
            reachable, or another content than the hub says.
    """
    found = _REPOSITORY.fullmatch(source)
    if found is None:
        raise UserError(
            f"model={source}: hf://OWNER/NAME@REVISION was expected, where REVISION is a commit, a tag or a "
            "branch such as main"
        )
    try:
        import huggingface_hub as hub
    except ImportError as error:
        raise UserError(
            f"model={source} needs the library huggingface_hub: pip install 'asap-lightning[hub]'"
        ) from error
    name, revision = found["name"], found["revision"]
    cache = cache_folder() / "hub"
    if _COMMIT.fullmatch(revision):
        there = hub.try_to_load_from_cache(name, MODEL, cache_dir=cache, revision=revision)
        if isinstance(there, str):
            return Path(there)
    try:
        said = _ask(hub, source, name, revision)
        path = Path(hub.hf_hub_download(name, MODEL, revision=said.commit, cache_dir=cache))
    except OSError as error:  # the library's errors of the network are, and those of a full disk
        raise UserError(f"model={source} cannot be fetched: {str(error).splitlines()[0]}") from error
    _check_content(path, said, source)
    if revision != said.commit:
        log.info(
            "%s is commit %s: hf://%s@%s always means this very file",
            source,
            *(said.commit, name, said.commit),
        )
    return path


def _ask(hub: Any, source: str, name: str, revision: str) -> _Remote:
    told = hub.get_hf_file_metadata(hub.hf_hub_url(name, MODEL, revision=revision))
    commit, size, digest = told.commit_hash, told.size, told.etag
    if not (isinstance(commit, str) and _COMMIT.fullmatch(commit) and isinstance(size, int) and digest):
        raise UserError(f"model={source}: the hub does not say the commit, the size or the digest of {MODEL}")
    if _COMMIT.fullmatch(revision) and commit != revision:
        raise UserError(f"model={source}: the hub answered with commit {commit}")
    if size > LARGEST:
        raise UserError(f"model={source}: {MODEL} has {size} bytes; at most {LARGEST} were expected")
    return _Remote(commit, size, digest)


def _check_content(path: Path, said: _Remote, source: str) -> None:
    """A large file's digest is its SHA-256, a small one's is git's."""
    found = sha256_of(path) if len(said.digest) == 64 else _git_digest(path)
    if found != said.digest or path.stat().st_size != said.size:
        path.resolve().unlink()
        raise UserError(
            f"model={source}: {MODEL} is not the file that the hub lists: its digest is {found}, expected "
            f"{said.digest}; it was removed, start the same command again"
        )


def _git_digest(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
