"""Numbers of the arXiv become links, on pages and in docstrings alike."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms import SphinxTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx

KEPT = (nodes.reference, nodes.literal, nodes.literal_block, nodes.title)
NUMBER = re.compile(r"(arXiv:\d{4}\.\d{4,5}(?:v\d+)?|(?:arXiv:)?quant-ph/\d{7}(?:v\d+)?)")


class Links(SphinxTransform):
    """Links in texts that are neither code nor links already."""

    default_priority = 800

    def apply(self, **kwargs: Any) -> None:
        for text in list(self.document.findall(nodes.Text)):
            parts = NUMBER.split(text.astext())
            inside = text.parent
            while inside is not None and not isinstance(inside, KEPT):
                inside = inside.parent
            if len(parts) == 1 or inside is not None:
                continue
            new: list[nodes.Node] = [
                nodes.reference(part, part, refuri=f"https://arxiv.org/abs/{part.removeprefix('arXiv:')}")
                if i % 2
                else nodes.Text(part)
                for i, part in enumerate(parts)
                if part
            ]
            text.parent.replace(text, new)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_transform(Links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
