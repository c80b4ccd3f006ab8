"""Each link of the built site leads somewhere, and no page loads anything from a network."""

from __future__ import annotations

from html.parser import HTMLParser
from os.path import dirname, join, normpath
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from sphinx.application import Sphinx


#: Which attribute of a tag names what is loaded with the page.
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """The links of a page, what it loads, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        if LOADED.get(tag, "") in values:
            self.loads.add(values[LOADED[tag]])


def faults(folder: Path) -> list[str]:
    """What is wrong with the links of the pages in a folder, a sentence each."""
    folder = folder.resolve()
    there = {str(path) for path in (folder, *folder.rglob("*"))}
    pages = {path: Page(Path(path).read_text(encoding="utf-8")) for path in there if path.endswith(".html")}
    found = []
    for path, page in pages.items():
        where = Path(path).relative_to(folder)
        found += [f"{where} loads {url}" for url in page.loads if urlsplit(url).scheme in ("http", "https")]
        for link in page.links | page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = normpath(join(dirname(path), unquote(parts.path))) if parts.path else path
            if target not in there:
                found.append(f"{where} links to {link}, which is not there")
            elif where.parts[0] == "_modules":
                pass  # source pages name a function by the module that shows it, which is not always the one it is in
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                found.append(f"{where} links to {link}, and there is no such place on that page")
    return sorted(found)


def check(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        found = faults(Path(app.outdir))
        if found:
            from sphinx.errors import SphinxError

            raise SphinxError("\n".join(["Links of the site are broken:", *found]))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", check, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
