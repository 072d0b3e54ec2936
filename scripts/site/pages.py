"""The pages of the site, laid out in a folder of their own: where each lies, and which link leads where.

`docs/` becomes the root of the site. The pages stay as they are, so that they read the same in the
repository; only links that cross the border of `docs/` are spelled anew.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path

from reference import modules, overview, page

OWN = {
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "SECURITY.md": "project/security-policy.md",
    "benchmarks/README.md": "project/benchmarks.md",
}
"""Pages outside `docs/` and `notebooks/`: path in the repository -> path in the site."""
LINK = re.compile(r"(\]\(|src=\\?\")([^)\s\"\\#]+)((?:#[^)\s\"\\]*)?(?:\)|\\?\"))")
CODE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.M | re.S)


def lay_out(root: Path, target: Path) -> None:
    """Writes all pages and pictures below ``target``; what has not changed keeps its time."""
    kept = set()
    for path in sources(root):
        place = target / site_path(path)
        kept.add(place)
        if Path(path).suffix in (".md", ".ipynb"):
            text = rewritten((root / path).read_text(encoding="utf-8"), path)
            found = [one for one in sources(root) if one.endswith(".ipynb")]
            write(place, text + contents(text, found) if path == "docs/index.md" else text)
        else:
            copy(root / path, place)
    for name, text in {"index": overview(), **{name: page(name) for name in modules()}}.items():
        place = target / "api" / f"{name}.rst"
        kept.add(place)
        write(place, text)
    for path in target.rglob("*"):
        if path.is_file() and path not in kept:
            path.unlink()


def sources(root: Path) -> list[str]:
    """Paths in the repository, with slashes."""
    found = [
        *(path for path in root.glob("docs/**/*") if path.suffix in (".md", ".png", ".jpg", ".svg", ".gif")),
        *root.glob("notebooks/*.ipynb"),
        *root.glob("benchmarks/results/*.png"),
        *(root / path for path in OWN),
    ]
    return sorted(path.relative_to(root).as_posix() for path in found)


def site_path(path: str) -> str:
    """Where a file of the repository lies in the site."""
    return OWN.get(path, path.removeprefix("docs/"))


def rewritten(text: str, path: str) -> str:
    """The text of a page with its links as they must be in the site; code is left alone."""
    pieces = [text] if path.endswith(".ipynb") else CODE.split(text)
    here = posixpath.dirname(site_path(path))

    def lead(match: re.Match[str]) -> str:
        link = match[2]
        if re.match(r"[a-z]+:", link):
            return match[0]
        place = site_path(posixpath.normpath(posixpath.join(posixpath.dirname(path), link)))
        return f"{match[1]}{posixpath.relpath(place, here or '.')}{match[3]}"

    return "".join(piece if i % 2 else LINK.sub(lead, piece) for i, piece in enumerate(pieces))


def contents(index: str, notebooks: list[str]) -> str:
    """The navigation: the lists of links of the first page, section by section, and the reference."""
    parts = re.split(r"^## (.+)$", index, flags=re.M)
    written = []
    for caption, body in zip(parts[1::2], parts[2::2], strict=True):
        entries = [entry for line in re.findall(r"^- .*$", body, re.M) for entry in entries_of(line)]
        if caption == "Reference":
            entries.append("api/index")
        if caption == "Notebooks":  # also those that no line names yet
            entries += [name[:-6] for name in notebooks if name[:-6] not in entries]
        if entries:
            listed = "\n".join(entries)
            written.append(f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n")
    return "".join(written)


def entries_of(line: str) -> list[str]:
    """The pages of a line of the list; a second one is called by the line's words."""
    links = re.findall(r"\[([^]]+)\]\(([^)#:]+)\.(?:md|ipynb)\)", line)
    first = links[0][0] if links else ""
    return [f"{first}: {words} <{page}>" if i else page for i, (words, page) in enumerate(links)]


def write(path: Path, text: str) -> None:
    """Unless it holds the text already, so that Sphinx need not parse it again."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def copy(path: Path, place: Path) -> None:
    """With its time."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, place)
