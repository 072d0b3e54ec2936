"""The painter as a folder of files for any web server: the browser translates."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

from asap_lightning.app.card import ModelCard
from asap_lightning.app.runtime import copy_runtime
from asap_lightning.errors import UserError
from asap_lightning.export.metadata import Precision
from asap_lightning.export.writing import Exported, Wish, export_model
from asap_lightning.files import atomic_folder
from asap_lightning.inference.translator import Translator

MOST_PIXELS = 4_000_000
"""Of a picture: a browser's tab has less memory than a server."""
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'"
)
_ENGINE = '<meta name="asap-engine" content="server">'
_VERSION = 'const VERSION = "development";'


def write_page(
    translator: Translator,
    title: str,
    output: Path,
    *,
    runtime: Path | None = None,
    precision: Precision = "float32",
) -> Exported:
    """Writes the folder, whole or not at all.

    Args:
        translator: the model; it stays as it is.
        title: what the page calls it.
        output: the folder, which must be new or empty.
        runtime: where ONNX Runtime's files are, see `copy_runtime`; None asks npm.
        precision: of the stored weights.

    Returns:
        What `export_model` tells of the model's file.

    Raises:
        UserError: the folder is in use or cannot be written, the runtime's files are not at hand, or the
            model cannot be exported or needs a memory bank.
    """
    if translator.generator.takes_canvas:
        raise UserError(
            "format=web: this model completes a canvas of pieces from a memory bank, which a page without a "
            "server does not have; other formats take the canvas as an input"
        )
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"output={output} is there already: name a new or an empty folder")
    wish = Wish("onnx", precision=precision)
    try:
        with atomic_folder(output) as folder:
            with as_file(files("asap_lightning.app") / "static") as static:
                shutil.copytree(static, folder)
            (folder / "ort").mkdir()
            copy_runtime(folder / "ort", runtime)
            exported = _write_model(translator, title, folder, wish)
            _finish(folder)
    except OSError as error:
        raise UserError(f"output={output} cannot be written: {error.strerror or error}") from error
    return replace(exported, path=output)


def _write_model(translator: Translator, title: str, folder: Path, wish: Wish) -> Exported:
    if translator.description is None:
        raise ValueError("a page is written of a checkpoint's model")
    exported = export_model(translator.generator, translator.description, folder, wish)
    about = ModelCard.of(translator, title).as_dict("browser", MOST_PIXELS)
    about["guide"] = about["needs_guide"] = False  # the graph takes a style's code, which the page draws
    about["onnx"] = {
        "file": exported.path.name,
        "inputs": exported.about["inputs"],
        "output": exported.about["outputs"][0]["name"],
        "sizes": exported.about["sizes"],
    }
    (folder / "model.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return exported


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
