"""Pages of the site that are files elsewhere in the repository, and links to them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from graphs import drawn

if TYPE_CHECKING:
    from sphinx.application import Sphinx


ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: Page of the site, and the file whose text it shows.
COPIES = {
    "changelog": "CHANGELOG.md",
    "contributing": "CONTRIBUTING.md",
    "security": "SECURITY.md",
    "performance": "benchmarks/RESULTS.md",
}
PAGE_OF = {(ROOT / file).resolve(): DOCS / f"{page}.md" for page, file in {**COPIES, "index": "README.md"}.items()}
LINK = re.compile(r"(\]\()([^)#\s:]+)(#[^)\s]*)?(\))")


def moved(text: str, folder: Path) -> str:
    """A text of ``folder`` with its relative links as from the folder of the docs, and to pages where there are any."""

    def link(match: re.Match[str]) -> str:
        target = (folder / match[2]).resolve()
        path = os.path.relpath(PAGE_OF.get(target, target), DOCS)
        return f"{match[1]}{path}{match[3] or ''}{match[4]}"

    return LINK.sub(link, text)


def read(app: Sphinx, docname: str, source: list[str]) -> None:
    path = app.env.doc2path(docname)
    if path.suffix != ".md":
        return
    if docname in COPIES:
        file = ROOT / COPIES[docname]
        text = moved(file.read_text(encoding="utf-8"), file.parent)
        if "\n## " not in text:  # headings without a step from the title to them
            text = text.replace("\n###", "\n##")
        source[0] = text
    elif path.parent == DOCS:
        source[0] = moved(source[0], DOCS)
    source[0] = drawn(source[0])  # Mermaid's own script would need a network


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
