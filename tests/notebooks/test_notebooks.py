"""The notebooks run from top to bottom, and are committed with the pictures that they make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = [
    "asap_explained",
    "bring_your_own_data",
    "compare_two_systems",
    "export_and_serve",
    "quickstart",
    "singan",
]
NEEDS = {"export_and_serve": ("onnxruntime", "fastapi", "uvicorn")}
"""Libraries of extras that a notebook uses beside those of 'notebooks'."""
README = NOTEBOOKS.parent / "README.md"
MOST_BYTES = 3_200_000


def read(name: str) -> dict[str, Any]:
    return json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def pictures(notebook: dict[str, Any]) -> list[str]:
    outputs = [output for cell in code_cells(notebook) for output in cell["outputs"]]
    return [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]


def test_every_notebook_is_listed() -> None:
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == NAMES
    shown = README.read_text(encoding="utf-8")
    assert [name for name in NAMES if f"(notebooks/{name}.ipynb)" not in shown] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
# Jupyter's own: it starts a kernel without encryption on a socket of this machine, as every Jupyter does.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:jupyter_client", "ignore::ResourceWarning")
def test_notebook_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs the extra 'notebooks'")
    nbclient = pytest.importorskip("nbclient", reason="needs the extra 'notebooks'")
    pytest.importorskip("ipykernel", reason="needs the extra 'notebooks'")
    pytest.importorskip("matplotlib", reason="needs the extra 'notebooks'")
    for library in NEEDS.get(name, ()):
        pytest.importorskip(library, reason=f"the notebook {name} uses it")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=480, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()  # raises at the first cell that fails; cells check their own results
    assert len(pictures(notebook)) == len(pictures(read(name))) > 0
    assert not list(tmp_path.iterdir()), "a notebook writes into a temporary folder of its own only"


@pytest.mark.parametrize("name", NAMES)
def test_committed_outputs_are_whole(name: str) -> None:
    """Readers on the web see the pictures; nobody sees another person's folders or a warning."""
    cells = code_cells(read(name))
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    for output in (output for cell in cells for output in cell["outputs"]):
        assert output["output_type"] != "error"
        text = "".join(output.get("text", []))
        assert output.get("name") != "stderr", text
        assert "/tmp" not in text and "/home" not in text


def test_notebooks_are_small() -> None:
    assert sum(path.stat().st_size for path in NOTEBOOKS.glob("*.ipynb")) < MOST_BYTES
