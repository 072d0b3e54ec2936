"""The documentation as a site: built once without a warning, whole, without anything from another site."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from filelock import FileLock

from browser import CHROMIUM, Browser

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
pytest.importorskip("sphinx", reason="needs the extra 'docs'")
pytestmark = pytest.mark.timeout(1200)  # any test may be the one that builds


@dataclass(frozen=True)
class Built:
    """A site and what its building said."""

    folder: Path
    said: str
    links: str


def script(folder: str, name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of scripts/, which is no package."""
    monkeypatch.syspath_prepend(SCRIPTS / folder)
    spec = spec_from_file_location(f"{folder}_{name}", SCRIPTS / folder / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Built once for all processes, with the notebooks' stored outputs, where no proxy leads out."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    with FileLock(f"{folder}.lock"):
        if not (folder / "said.txt").is_file():
            build(folder)
    return Built(folder / "html", read(folder / "said.txt"), read(folder / "work/links.txt"))


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def build(folder: Path) -> None:
    words = ["--output", folder / "html", "--work", folder / "work", "--notebooks", "off"]
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, SCRIPTS / "site/build.py", *map(str, words)],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1", **nowhere},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "said.txt").write_text(done.stdout + done.stderr, encoding="utf-8")


def pages() -> Iterator[str]:
    """Where every page of the repository lies in the site."""
    for path in sorted(ROOT.glob("docs/**/*.md")):
        yield path.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        yield f"notebooks/{path.stem}.html"
    yield from ("project/contributing.html", "project/changelog.html", "project/security-policy.html")


@pytest.mark.slow
def test_the_site_is_built_without_a_word(site: Built) -> None:
    assert not re.search("warning|error", site.said, re.I), site.said
    assert len(site.said.splitlines()) == 2
    assert " lead somewhere, 0 do not" in site.links


@pytest.mark.slow
def test_every_page_is_there_and_in_the_navigation(site: Built) -> None:
    index = (site.folder / "index.html").read_text(encoding="utf-8")
    for page in pages():
        assert (site.folder / page).is_file(), page
        assert page == "index.html" or f'href="{page}"' in index, page


@pytest.mark.slow
def test_the_reference_has_every_public_name(site: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import import_module

    reference = script("site", "reference", monkeypatch)
    for name in reference.modules():
        text = (site.folder / f"api/{name}.html").read_text(encoding="utf-8")
        for member in reference.exported(import_module(name)):
            assert f'id="{name}.{member}"' in text, f"{name}.{member}"


@pytest.mark.slow
def test_docstrings_are_rendered(site: Built) -> None:
    text = (site.folder / "api/asap_lightning.models.html").read_text(encoding="utf-8")
    assert "y_p = f(x_p, enc(p); phi_tile(p))" in text  # a formula, as it is typed
    ops = (site.folder / "api/asap_lightning.ops.html").read_text(encoding="utf-8")
    assert "Channels along the MLP: [inputs, width, .., width, out_channels]" in ops  # not "Type: .."
    for path in (site.folder / "api").glob("*.html"):
        assert "&lt;factory&gt;" not in path.read_text(encoding="utf-8"), path.name
    losses = (site.folder / "api/asap_lightning.losses.html").read_text(encoding="utf-8")
    assert "|Phi_l(image) - Phi_l(photo)|" in losses
    assert "Parameters" in losses and "Args:" not in losses


@pytest.mark.slow
def test_the_search_index_knows_titles_and_words(site: Built) -> None:
    text = (site.folder / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").rstrip().removesuffix(")"))
    assert "Glossary" in index["titles"] and "ASAP-Net" in index["titles"]
    assert {"pixelwis", "resum", "checkpoint"} <= set(index["terms"])


@pytest.mark.slow
def test_commands_are_coloured_and_trees_are_not(site: Built) -> None:
    text = (site.folder / "getting-started.html").read_text(encoding="utf-8")
    assert re.search(r'highlight-bash[^>]*>.{0,80}<pre><span></span>asap<span class="w"> </span>train', text)
    tree = text[: text.index("mydata/train_label/0001.png")].rpartition("highlight-")[2]
    assert tree.startswith(("text", "none"))


@pytest.mark.slow
def test_nothing_comes_from_another_site(site: Built) -> None:
    for path in [*site.folder.rglob("*.html"), *site.folder.rglob("*.css")]:
        text = path.read_text(encoding="utf-8")
        fetched = re.findall(r"""(?:src=|@import |url\()["']?(https?:)?//[^"')\s]+""", text)
        fetched += re.findall(
            r"""<link[^>]+rel="(?:stylesheet|preload|icon)"[^>]+href="(?:https?:)?//""", text
        )
        assert not fetched, f"{path.name}: {fetched}"


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_it_opens_and_searches_as_files(site: Built, tmp_path: Path) -> None:
    with Browser(tmp_path) as browser:
        browser.open(f"{site.folder.as_uri()}/search.html?q=resume")
        browser.wait_for("document.querySelectorAll('ul.search li a').length > 3")
        assert "Training" in browser.evaluate("document.querySelector('ul.search').innerText")
        for page in ("index.html", "performance.html", "systems/asap.html", "gallery.html"):
            browser.resize(390, 844, phone=True)
            browser.open(f"{site.folder.as_uri()}/{page}")
            browser.wait_for(f"document.readyState == 'complete' && location.pathname.endsWith('{page}')")
            assert browser.evaluate("document.documentElement.scrollWidth") <= 390, page
            assert browser.evaluate("[...document.images].every(image => image.naturalWidth > 0)"), page
        assert not browser.messages


def test_what_is_wrong_with_links_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="top"></h1><a href="#top">1</a><a href="#gone">2</a><a href="b.html">3</a><a href="/c">4</a>'
        '<a href="https://example.org/x">5</a><script src="//cdn.example.org/y.js"></script>'
        '<img src="no.png"><div style="background:url(https://example.org/z.png)"></div>'
        '<img src="data:image/png;base64,AA==">'
    )
    (tmp_path / "s.css").write_text("@import 'https://example.org/font.css'; a { background: url(a.html) }")
    report = script("site", "links", monkeypatch).check_site(tmp_path)
    told = "\n".join(report.wrong)
    assert report.pages == 1 and report.inside == 2
    for piece in (
        "a.html: #gone: the page has no place 'gone'",
        "a.html: b.html: there is no such file",
        "a.html: /c: begins at the root",
        "a.html: //cdn.example.org/y.js: is loaded from another site",
        "a.html: no.png: there is no such file",
        "a.html: https://example.org/z.png: is loaded from another site",
        "s.css: https://example.org/font.css: is loaded from another site",
    ):
        assert piece in told, piece
    assert len(report.wrong) == 7
    assert "https://example.org/x    a.html" in report.text()


def test_an_older_site_is_replaced_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clear = script("site", "build", monkeypatch).clear
    folder = tmp_path / "out"
    assert clear(folder)
    folder.mkdir()
    assert clear(folder)
    (folder / "thesis.html").touch()
    assert not clear(folder) and (folder / "thesis.html").exists()
    (folder / ".buildinfo").touch()
    assert clear(folder) and not folder.exists()


def test_links_are_spelled_anew_where_they_cross_a_border(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SCRIPTS / "site")
    rewritten = script("site", "pages", monkeypatch).rewritten
    text = "[a](../notebooks/x.ipynb) [b](data.md#sizes) [c](https://x.org/y) `[d](../e.md)`"
    assert rewritten(text, "docs/index.md") == text.replace("../notebooks", "notebooks")
    assert rewritten("[f](../CHANGELOG.md)", "docs/index.md") == "[f](project/changelog.md)"
    assert rewritten("[a](../docs/data.md)", "notebooks/x.ipynb") == "[a](../data.md)"
    assert rewritten("[a](docs/data.md)", "CHANGELOG.md") == "[a](../data.md)"
    assert rewritten("[a](../data.md) ![b](../images/c.svg)", "docs/systems/d.md") == (
        "[a](../data.md) ![b](../images/c.svg)"
    )


def test_pages_of_systems_state_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks between marks and the pictures are those that the script makes."""
    tables = script("systems", "tables", monkeypatch)
    names = {path.stem for path in (ROOT / "docs/systems").glob("*.md")}
    assert names == set(tables.NAMES)
    for name in names:
        text = (ROOT / f"docs/systems/{name}.md").read_text(encoding="utf-8")
        assert tables.filled(text, name) == text, f"python scripts/systems/update.py: docs/systems/{name}.md"
        assert text.count("begin -->") == (2 if name == "singan" else 4)
    told = {name: set(re.findall(r"^- `experiment=(\w+)`", tables.recipes(name), re.M)) for name in names}
    assert set.union(*told.values()) == {path.stem for path in ROOT.glob("conf/experiment/*.yaml")}
    for name, picture in script("systems", "update", monkeypatch).pictures().items():
        path = ROOT / f"docs/images/systems/network-{name}.svg"
        assert path.read_text(encoding="utf-8") == picture, f"python scripts/systems/update.py: {path.name}"


@pytest.mark.parametrize("system", ["hdrnet", "cppn", "singan"])
def test_drawn_facts_are_the_networks(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the networks that are small; the others' parameters are compared below."""
    update = script("systems", "update", monkeypatch)
    stored = json.loads(update.FACTS.read_text(encoding="utf-8"))[system]
    assert json.loads(json.dumps(update.read_facts([system])[system])) == stored


def test_drawn_parameters_are_the_measured_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    update = script("systems", "update", monkeypatch)
    stored = json.loads(update.FACTS.read_text(encoding="utf-8"))
    rows = json.loads((ROOT / "benchmarks/results/generators.json").read_text(encoding="utf-8"))["rows"]
    counted = {row["generator"]: row["parameters"] for row in rows if row["size"] == 256}
    for system, (generator, _) in update.DRAWINGS.items():
        if generator:
            top = sum(facts["parameters"] for path, facts in stored[system].items() if path in TOPS[system])
            assert top == counted[generator], system


TOPS = {
    "asap": {"lowres_stream"},
    "pix2pix": {"network"},
    "pix2pixhd": {"coarse", "enhancers.0", "head"},
    "spade": {"from_condition", "head", "middle.0", "middle.1", "to_image", *(f"up.{i}" for i in range(4))},
    "ccfpse": {
        *("pyramid", "from_condition", "head", "middle.0", "middle.1", "to_image"),
        *(f"up.{i}" for i in range(4)),
    },
    "crn": {*(f"refine.{i}" for i in range(7)), "to_image"},
    "sims": {
        *(f"encode.{i}" for i in range(6)),
        *(f"decode.{i}" for i in range(7)),
        "to_image",
        "to_classes",
    },
    "cocosnet": {
        *("correspondence", "translation.from_condition", "translation.head", "translation.to_image"),
        *(f"translation.middle.{i}" for i in range(2)),
        *(f"translation.up.{i}" for i in range(4)),
    },
    "hdrnet": {"coefficients", "guide"},
    "cppn": {"mlp"},
}
"""Modules that make up a whole network."""
