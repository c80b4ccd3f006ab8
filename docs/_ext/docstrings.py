"""Docstrings are plain text with a little markup; here they become sections of reStructuredText.

Formulas that are indented below a line with a colon stay as they are, signs that would begin markup are escaped,
what is said of a parameter becomes its description, and the doctests get a heading.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


LITERAL = re.compile(r"(``.*?``|:[\w:]+:`[^`]*`|\*\w[^*|]*\w\*(?!\w))")
SPANNING = re.compile(r"``(?:[^`]|`(?!`))+``")
SECTIONS = ("Parameters", "Attributes", "Returns", "Raises", "Yields", "Notes", "Examples")
DESCRIBED = re.compile(r"^([A-Za-z_][\w, ]*?) : (.*)$")


def escaped(line: str) -> str:
    """A line with ``*`` and ``|`` escaped outside of literals, roles and emphasis."""
    parts = LITERAL.split(line)
    return "".join(part if i % 2 else re.sub(r"([*|])", r"\\\1", part) for i, part in enumerate(parts))


def with_sections(lines: list[str]) -> list[str]:
    """Lines with descriptions of parameters below their names, and headings above the doctests and other paragraphs.

    A paragraph after parameters, or after what is returned or raised, would be read as more of them.
    """
    out: list[str] = []
    section = ""
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if out and set(line) == {"-"} and out[-1] in SECTIONS:
            section = out[-1]
        if section and section != "Examples" and line.startswith(">>>"):
            section = "Examples"
            out += [section, "-" * len(section), ""]
        begins = bool(line[:1].strip()) and out and not out[-1] and set(after) != {"-"}
        if section not in ("", "Notes", "Examples") and begins and not DESCRIBED.match(line):
            section = "Notes"
            out += [section, "-" * len(section), ""]
        # names of several attributes have no spaces between them: what stands before one would be read as a type
        described = DESCRIBED.match(line) if section in ("Parameters", "Attributes") else None
        out += (
            [described[1].replace(", ", "," if section == "Attributes" else ", "), f"    {described[2]}"]
            if described
            else [line]
        )
    return out


def formatted(lines: list[str]) -> list[str]:
    """A docstring's lines with formulas as literal blocks, and signs escaped."""
    text = SPANNING.sub(lambda literal: re.sub(r"\n *", " ", literal[0]), "\n".join(lines))
    lines = with_sections(text.split("\n"))
    out: list[str] = []
    block: int | None = None  # the indentation above which a literal block goes on
    example = False
    for line, after, later in zip(lines, [*lines[1:], ""], [*lines[2:], "", ""], strict=False):
        indent = len(line) - len(line.lstrip())
        if block is not None and line.strip() and indent <= block:
            block = None
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if block is not None or example:
            out.append(line)
            continue
        deeper = bool(later.strip()) and len(later) - len(later.lstrip()) > indent
        if line.endswith(":") and not line.endswith("::") and not after.strip() and deeper:
            out.append(escaped(line) + ":")
            block = indent
        else:
            out.append(escaped(line))
    return out


def process(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    lines[:] = formatted(lines)
    if what in ("property", "attribute", "data"):
        lines[:0] = ["..", ""]  # the first line is a sentence, and what stands before its colon is no type


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", process, priority=100)  # before sections are read
    return {"parallel_read_safe": True, "parallel_write_safe": True}
