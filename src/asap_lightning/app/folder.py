"""The painter as a folder of files for any web server: the browser translates."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from asap_lightning.app.card import ModelCard
from asap_lightning.app.runtime import copy_runtime
from asap_lightning.errors import UserError
from asap_lightning.export.onnx_file import export_onnx
from asap_lightning.inference.translator import Translator

MOST_PIXELS = 4_000_000
"""Of a picture: a browser's tab has less memory than a server."""
MODEL = "model.onnx"
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'"
)
_ENGINE = '<meta name="asap-engine" content="server">'
_VERSION = 'const VERSION = "development";'


def write_page(
    translator: Translator, title: str, output: Path, *, runtime: Path | None = None, **options: Any
) -> dict[str, Any]:
    """Writes the folder, whole or not at all.

    Args:
        translator: the model; it stays as it is.
        title: what the page calls it.
        output: the folder, which must be new or empty.
        runtime: where ONNX Runtime's files are, see `copy_runtime`; None asks npm.
        options: of `export_onnx`, such as ``precision``.

    Returns:
        What the page learns of the model, the content of ``model.json``.

    Raises:
        UserError: the folder is in use or cannot be written, the runtime's files are not at hand, or the
            model cannot be exported.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"output={output} is there already: name a new or an empty folder")
    temporary = output.with_name(f".{output.name}.{secrets.token_hex(6)}.tmp")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with as_file(files("asap_lightning.app") / "static") as static:
            shutil.copytree(static, temporary)
        (temporary / "ort").mkdir()
        copy_runtime(temporary / "ort", runtime)
        about = _write_model(translator, title, temporary, options)
        _finish(temporary)
        if output.is_dir():
            output.rmdir()
        os.replace(temporary, output)
    except OSError as error:
        raise UserError(f"output={output} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return about


def _write_model(translator: Translator, title: str, folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    exported = export_onnx(translator.generator, translator.description, folder / MODEL, **options)
    about = ModelCard.of(translator, title).as_dict("browser", MOST_PIXELS)
    about["guide"] = about["needs_guide"] = False  # the graph takes a style's code, which the page draws
    onnx: dict[str, Any] = {
        "file": MODEL,
        "output": exported["outputs"][0]["name"],
        "inputs": exported["inputs"],
    }
    onnx["sizes"] = exported["sizes"]
    about["onnx"] = onnx
    (folder / "model.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return about


def _finish(folder: Path) -> None:
    """Names the engine in the page, its policy, and the version in the service worker."""
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert _ENGINE in page
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    page = page.replace(_ENGINE, f"{_ENGINE.replace('server', 'browser')}\n{policy}")
    (folder / "index.html").write_text(page, encoding="utf-8")
    worker = (folder / "sw.js").read_text(encoding="utf-8")
    assert _VERSION in worker
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    worker = worker.replace(_VERSION, _VERSION.replace("development", digest.hexdigest()[:16]))
    (folder / "sw.js").write_text(worker, encoding="utf-8")
