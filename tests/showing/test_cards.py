"""Cards: what they say, with its side, and that nothing of it is obeyed by a page."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from xml.etree import ElementTree

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.boxes import single_box_partition
from sdpbound.showing import CARDS, PICTURES, card_of, html_of, latex_of
from sdpbound.shown import Drawn, Shown
from tests.showing.samples import length, rate, threshold

BOUND = sb.maximize(sb.chsh(), sb.Quantum("1+AB"))
THINGS = {
    "behaviour": sb.SingletSelfTest(1.0, 1.2, 2.6).behaviour(),
    "three parties": sb.Behaviour(np.full((2, 2, 2, 1, 2, 1), 0.125)),
    "expression": sb.i3322(),
    "many outcomes": sb.cglmp(3),
    "bound": BOUND,
    "certificate": BOUND.certificate,
    "rate": rate("lower"),
    "attack": rate("upper"),
    "threshold": threshold(),
    "nothing alive": replace(threshold(), alive=None, alive_rate=None),
    "length": length(),
    "envelope": sb.EntropyEnvelope(np.linspace(2, 2.5, 30), np.linspace(0, 0.4, 30), (2.0, 2.5), (), 1e-3, True),
    "partition": single_box_partition(0.1),
}


class _Unprintable:
    def __str__(self) -> str:
        raise ValueError("no text")


def place(name: str) -> type:
    module, _, cls = name.rpartition(".")
    found = getattr(import_module(module), cls)
    assert isinstance(found, type)
    return found


def test_the_tables_name_what_there_is() -> None:
    for table, base in ((CARDS, Shown), (PICTURES, Drawn)):
        for name, where in table.items():
            module, _, function = where.partition(":")
            assert issubclass(place(name), base) and callable(getattr(import_module(module), function))
    for name in sb.__all__:  # whatever asks for a card has one
        thing = getattr(sb, name)
        if isinstance(thing, type) and issubclass(thing, Shown):
            bases = {f"{b.__module__}.{b.__qualname__}" for b in thing.__mro__}
            assert bases & CARDS.keys() and (not issubclass(thing, Drawn) or bases & PICTURES.keys()), name


@pytest.mark.parametrize("name", THINGS)
def test_cards_are_well_formed_and_take_the_colours_of_the_page(name: str) -> None:
    html = THINGS[name]._repr_html_()
    tree = ElementTree.fromstring(html.replace("&#9632;", "x"))
    assert not [e.tag for e in tree.iter() if e.tag in ("script", "style", "link", "img", "iframe")]
    assert not [key for e in tree.iter() for key in e.attrib if key.startswith("on") or key in ("href", "src")]
    assert not re.search(r"color:\s*(#|black|white)|background:\s*(#|white)", html)
    latex = latex_of(THINGS[name])
    if name not in ("expression", "many outcomes"):
        assert latex is not None and latex.count("{") - latex.count(r"\{") == latex.count("}") - latex.count(r"\}")


def test_numbers_have_their_side_and_are_rounded_to_it() -> None:
    assert "≤ 2.82842712" in BOUND._repr_html_() and r"\leq 2.82842712" in str(latex_of(BOUND))
    for side, sign, shown in (("lower", "≥", "0.333333"), ("upper", "≤", "0.333334")):
        one = replace(rate(side), value=1 / 3)
        assert one.side == side and f"rate {sign} 0.333333333" in html_of(one)
        assert f"{sign} {shown} bits" in str(card_of(one).bar and card_of(one).bar.text)  # the bar as well
    text = html_of(threshold())
    assert "proven above the target at" in text and "0.95" in text and "0.9" in text and "≥" in text and "≤" in text
    assert [span.kind for span in card_of(threshold()).bar.spans] == ["excluded", "open", "proven"]  # type: ignore[union-attr]
    assert "lower bound" in html_of(length()) and "≥ 1234" in html_of(length())
    assert html_of(THINGS["envelope"]).count("≥") == 10


def test_texts_of_strangers_are_texts() -> None:
    hostile = "<script>alert(1)</script>&\"'"
    html = html_of(sb.BellExpression(sb.chsh().scenario, sb.chsh().coefficients, hostile))
    assert "<script" not in html and "&lt;script&gt;" in html
    found = replace(rate("lower"), security=hostile, assumptions=(hostile,))
    assert "<script" not in html_of(found)
    assert r"\backslash" in str(latex_of(replace(threshold(), quantity=r"\input{x}")))


def test_a_card_that_fails_leaves_the_text() -> None:
    assert "7" in html_of(7)  # of what has no card, the text
    damaged = replace(threshold(), solves=_Unprintable())  # type: ignore[arg-type]
    with pytest.warns(RuntimeWarning, match="could not be made"):
        assert html_of(damaged).startswith("<pre>")


def test_a_rate_prints_on_two_lines() -> None:
    first, second = str(rate("lower")).split("\n")
    assert "key rate >= " in first and "lower bound" in first and "security: " in second
    assert len(first) < 120
