"""ONNX Runtime for browsers: the files of one pinned version, from npm or from a folder, checked."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from asap_lightning.errors import UserError
from asap_lightning.wording import listed

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
FILES = {
    "ort.wasm.min.mjs": "AnefQglyknuf4QnoyL8HFb54s1grWx7q6F6v2UZRr7Rx"
    "VbsJeXd/k6siiXj1mlkQmpyHEnDIBJzx1Bta3J3ZCg==",
    "ort-wasm-simd-threaded.mjs": "IboQh0Pwb+2CvUlaEljlBVLJWlFfGUCxCquU6kjywgW+"
    "qj9+DZtJYSU9pueGY4A4vT2W5rQ8Zt4CNNIDL8Kf1g==",
    "ort-wasm-simd-threaded.wasm": "Gt7e1iIDIZ/PXEhM/OVleqWHVom0kEI/hs8cod0crXcV"
    "9jDGM39B23HuQnlOOgDOC3x4k5pxIgtdgzaL9up3MA==",
    "ort.webgpu.min.mjs": "/sEakMu9A2SbDy5BCcyT/nP/5PAEFLzjJhGuy8zbSeBE"
    "l4W1MiWnHxlrJaS84NlwaAnxOeqqu/4G6J/22ONTEw==",
    "ort-wasm-simd-threaded.asyncify.mjs": "YXMrHY/qLXCbjx2bMFQ8gGD97aRndcT9wEw9vlXXdNxx"
    "1Ud2kDYlWPkWFN+0t0rnX2FME08r4CTGHxRstogyyA==",
    "ort-wasm-simd-threaded.asyncify.wasm": "dzz9I0cmbBIVybKtbu6szu7jbMSzVPJ3E6Oc8PSyoIQx"
    "/4F7xVJ2iGz3ko44sLxAiyAAycPEQVtVKHKjCcRddw==",
}
"""What a page loads, with its SHA-512: WebAssembly with threads, and the build that adds WebGPU."""

LICENCE = f"""\
{PACKAGE} {VERSION}, https://github.com/microsoft/onnxruntime

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""
_MOST_BYTES = 64_000_000
_SECONDS = 600


def copy_runtime(target: Path, source: Path | None = None) -> None:
    """Puts the runtime's files, each checked, and its licence into a folder.

    Args:
        target: the folder, which is there.
        source: the unpacked npm package or its ``dist`` folder, or the package's ``.tgz``; None asks npm.

    Raises:
        UserError: neither npm nor the files are at hand, or a file is not the pinned one.
    """
    if source is None:
        with tempfile.TemporaryDirectory() as folder:
            copy_runtime(target, _packed_by_npm(Path(folder)))
        return
    if not source.exists():
        raise UserError(f"runtime={source}: there is no such file or folder; {_EXPECTED}")
    for name in FILES:
        content = _from_archive(source, name) if source.is_file() else _from_folder(source, name)
        digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
        if digest != FILES[name]:
            raise UserError(
                f"runtime={source}: {name} is not that of {PACKAGE} {VERSION}, its SHA-512 is another one: "
                "give that version's file"
            )
        (target / name).write_bytes(content)
    (target / "LICENSE").write_text(LICENCE, encoding="utf-8")


_EXPECTED = (
    f"the unpacked npm package {PACKAGE} {VERSION}, its dist folder, or its .tgz was expected "
    f"(npm pack {PACKAGE}@{VERSION})"
)


def _packed_by_npm(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(
            f"format=web needs the files of {PACKAGE} {VERSION}, and npm, which would fetch them, is not "
            f"installed: install Node.js, or fetch them elsewhere and give runtime=PATH; {_EXPECTED}"
        )
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--pack-destination", str(folder)]
    try:
        ended = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
        complaint = ended.stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        complaint = str(error)
    found = list(folder.glob("*.tgz"))
    if not found:
        lines = [line for line in complaint.splitlines() if line.strip()]
        said = listed(lines[:2], 2) if lines else "it gave no reason"
        raise UserError(
            f"npm could not fetch {PACKAGE} {VERSION} ({said}): fetch it elsewhere and give runtime=PATH; "
            f"{_EXPECTED}"
        )
    return found[0]


def _from_folder(source: Path, name: str) -> bytes:
    for place in (source / name, source / "dist" / name, source / "package" / "dist" / name):
        if place.is_file():
            return place.read_bytes()
    raise UserError(f"runtime={source} has no {name}; {_EXPECTED}")


def _from_archive(source: Path, name: str) -> bytes:
    try:
        with tarfile.open(source) as archive:
            member = archive.getmember(f"package/dist/{name}")
            stream = archive.extractfile(member)
            if stream is None or member.size > _MOST_BYTES:
                raise KeyError(name)
            return stream.read()
    except (tarfile.TarError, KeyError, OSError, EOFError) as error:
        raise UserError(f"runtime={source} holds no package/dist/{name}; {_EXPECTED}") from error
