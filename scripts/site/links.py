"""Follows every link inside a built site, without network."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}
"""What a browser fetches by itself: element -> attribute."""
FETCHED_RELATIONS = {"stylesheet", "preload", "icon", "prefetch", "modulepreload", "manifest"}
STYLE_ADDRESS = re.compile(r"url\(\s*['\"]?([^'\")]+)['\"]?\s*\)|@import\s+['\"]([^'\"]+)['\"]")


@dataclass(frozen=True)
class Link:
    """One reference of a page.

    Attributes:
        address: as it is written.
        fetched: whether a browser loads it by itself.
    """

    address: str
    fetched: bool


class Page(HTMLParser):
    """What a page refers to and can be referred to by."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[Link] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for every element."""
        found = {key: value or "" for key, value in attrs}
        self.anchors |= {found[key] for key in ("id", "name") if key in found}
        if tag in ("a", "area") and "href" in found:
            self.links.append(Link(found["href"], fetched=False))
        if tag == "link" and "href" in found:
            fetched = bool(FETCHED_RELATIONS & set(found.get("rel", "").split()))
            self.links.append(Link(found["href"], fetched))
        if tag in FETCHED and FETCHED[tag] in found:
            self.links.append(Link(found[FETCHED[tag]], fetched=True))
        for part in found.get("srcset", "").split(","):
            if part.strip():
                self.links.append(Link(part.split()[0], fetched=True))
        self.links += style_links(found.get("style", ""))


def style_links(text: str) -> list[Link]:
    """The addresses in a style sheet or a style attribute."""
    return [Link(first or second, fetched=True) for first, second in STYLE_ADDRESS.findall(text)]


@dataclass
class Report:
    """What was followed.

    Attributes:
        pages: number of HTML files.
        inside: number of links that lead to a place of the site.
        wrong: a line for every link that leads nowhere, or loads something from another site.
        outside: address -> the pages that lead there.
    """

    pages: int = 0
    inside: int = 0
    wrong: list[str] = field(default_factory=list)
    outside: dict[str, set[str]] = field(default_factory=dict)

    def summary(self) -> str:
        """A line, and one for everything that is wrong."""
        head = (
            f"{self.inside} links inside the site lead somewhere, {len(self.wrong)} do not; "
            f"{len(self.outside)} addresses outside were not fetched"
        )
        return "\n".join([head, *self.wrong])

    def text(self) -> str:
        """The summary and every address outside with the pages that name it."""
        outside = [
            f"{address}    {', '.join(sorted(pages))}" for address, pages in sorted(self.outside.items())
        ]
        return "\n".join([self.summary(), "", "Outside:", *outside, ""])


def check_site(folder: Path) -> Report:
    """Reads every page and style sheet below a folder."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}
    report = Report(pages=len(pages))
    linked = {path: page.links for path, page in pages.items()}
    linked |= {path: style_links(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.css"))}
    for path, links in linked.items():
        name = path.relative_to(folder).as_posix()
        for link in links:
            if (complaint := _follow(link, path, folder, name, pages, report)) is not None:
                report.wrong.append(f"{name}: {link.address}: {complaint}")
    return report


def _follow(
    link: Link, path: Path, folder: Path, name: str, pages: dict[Path, Page], report: Report
) -> str | None:
    """What is wrong with a link; None if nothing."""
    parts = urlsplit(link.address)
    if parts.scheme == "data":
        return None
    if parts.scheme or parts.netloc:
        report.outside.setdefault(link.address, set()).add(name)
        return "is loaded from another site" if link.fetched else None
    if parts.path.startswith("/"):
        return "begins at the root of the server, so that a file:// page has nothing there"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file() or folder.resolve() not in target.resolve().parents:
        return "there is no such file in the site"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return f"the page has no place '{anchor}'"
    report.inside += 1
    return None
