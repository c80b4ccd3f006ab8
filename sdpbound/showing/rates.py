"""Cards of rates, thresholds and finite lengths, with both sides on a bar."""

from __future__ import annotations

import math

from sdpbound.bell.channel import BinaryChannel
from sdpbound.bell.key import key_words
from sdpbound.bounds.rounding import rounded
from sdpbound.finite_size.result import FiniteLength
from sdpbound.rates.rate import Rate
from sdpbound.rates.thresholds import Threshold
from sdpbound.showing.cards import Bar, Card, Grid, Span
from sdpbound.showing.latex import formula
from sdpbound.showing.proven import bound_card, sided

__all__ = ["length_card", "rate_card", "threshold_card"]


def _ahead(rate: Rate) -> str:
    return "channel" if isinstance(rate.preprocessing, BinaryChannel) else "flips"


def rate_card(rate: Rate) -> Card:
    """The rate with its side, what it is made of, and what it assumes."""
    facts = [
        ("side", f"{rate.side} bound on the best achievable rate"),
        ("settings", key_words(rate.settings)[1]),
        ("entropy", f"{rate.entropy.figure} {sided(rate.entropy.value, rate.entropy.side)}"),
        ("error correction", f"{rate.error_correction:.10g} bits" if rate.kind == "key" else ""),
        (_ahead(rate), f"{rate.preprocessing:.6g}" if rate.preprocessing else ""),
        ("post-processing", "" if rate.postprocessing is None else repr(rate.postprocessing)),
        ("data", rate.data if rate.attack is None else rate.attack.data),
        ("security", rate.security),
        ("assumptions", "; ".join(rate.assumptions)),
    ]
    if rate.sdp is not None:
        facts.append(("by the program", f"{sided(rate.sdp.value, rate.sdp.side)} bits a round"))
    how = [fact for fact in bound_card(rate.entropy).facts if fact[0] in ("proof", "margin", "solver")]
    return Card(
        f"{rate.kind.capitalize()} rate",
        f"{rate.kind} rate {sided(rate.value, rate.side)} bits a round",
        (*facts, *how),
        _rate_bar(rate),
        formula=formula(f"{rate.kind} rate", rate.value, rate.side, "bits a round"),
    )


def _rate_bar(rate: Rate) -> Bar | None:
    """Up to a proven rate all rates are proven; from an attack's rate on none is possible."""
    if not math.isfinite(rate.value):
        return None
    low, high = min(0.0, 1.1 * rate.value), max(1.0, 1.1 * rate.value)
    number = f"{sided(rate.value, rate.side, 6)}"
    if rate.side == "lower":
        own = Span(min(0.0, rate.value), max(0.0, rate.value), "proven" if rate.value > 0 else "cost", f"rate {number}")
        rest = Span(max(0.0, rate.value), high, "open", "more is neither proven nor excluded")
    else:
        own = Span(rate.value, high, "excluded", f"excluded by an attack, rate {number}")
        rest = Span(low, rate.value, "open", "less is neither proven nor excluded")
    spans = tuple(sorted((own, rest), key=lambda span: span.start))
    return Bar(low, high, spans, f"{rate.kind} rate {number} bits a round, {rate.side} bound")


def threshold_card(threshold: Threshold) -> Card:
    """Where the rate is proven, where an attack ends it, and what is open between the two."""
    alive, dead = threshold.alive, threshold.dead
    facts = [("target", f"{threshold.target:g} bits a round")]
    for value, rate, word in (
        (alive, threshold.alive_rate, "proven above the target at"),
        (dead, threshold.dead_rate, "proven not above it at"),
    ):
        shown = "no point was found"
        if value is not None and rate is not None:
            shown = f"{threshold.quantity} {value:.8g}: {rate.kind} rate {sided(rate.value, rate.side, 6)}"
        facts.append((word, shown))
    if threshold.width is not None:
        facts.append(("open between them", f"{threshold.width:.2g}"))
    facts += [(name, f"{value:.6g}") for name, value in threshold.found]
    facts += [("solved", f"{threshold.solves} rates"), ("not closer because", threshold.open)]
    number = f"{threshold.quantity}: nothing proven"
    if alive is not None:
        number = f"a rate above {threshold.target:g} is proven at {threshold.quantity} {alive:.8g}"
    return Card("Threshold", number, tuple(facts), _threshold_bar(threshold), formula=_threshold_formula(threshold))


def _threshold_formula(threshold: Threshold) -> str:
    ends = [
        formula(f"{rate.kind} rate", rate.value, rate.side, f"at {threshold.quantity} {value:.8g}")
        for value, rate in ((threshold.alive, threshold.alive_rate), (threshold.dead, threshold.dead_rate))
        if value is not None and rate is not None
    ]
    return ", ".join(ends)


def _threshold_bar(threshold: Threshold) -> Bar | None:
    alive, dead = threshold.alive, threshold.dead
    if alive is None or dead is None or alive == dead:
        return None
    first, last = sorted((alive, dead))
    pad = 0.5 * (last - first)
    words = {alive: ("proven", f"above the target at {alive:.8g}"), dead: ("excluded", f"not above it at {dead:.8g}")}
    spans = (
        Span(first - pad, first, *words[first]),
        Span(first, last, "open", f"open, {last - first:.2g} wide"),
        Span(last, last + pad, *words[last]),
    )
    text = f"{threshold.quantity}: rate proven at {alive:.8g}, ended by an attack at {dead:.8g}"
    return Bar(first - pad, last + pad, spans, text)


def length_card(length: FiniteLength) -> Card:
    """The length, what was lost for what, and the protocol's numbers."""
    facts = (
        ("side", f"{length.side} bound: longer outputs may be possible"),
        ("rounds", f"{length.rounds:g}"),
        ("bits a round", f"{sided(length.rate, 'lower', 6)}; without end {length.asymptotic_rate:.6g}"),
        ("after paying its random choices", f"{rounded(length.net_length, 'lower', 8)} bits"),
        ("spent on tests and settings", f"{rounded(length.input_bits, 'upper', 8)} bits"),
        ("recovered of these", f"{length.recovered_bits:.8g} bits" if length.recovered_bits else ""),
        ("tested rounds", f"{length.test_probability:.4g} of all"),
        ("accepted from", f"a mean score of {length.threshold:.10g}"),
        ("security", str(length.security)),
        ("theorem", length.theorem),
        ("left out", "; ".join(length.notes)),
    )
    rows = tuple((name, f"{bits:.6g}") for name, bits in length.terms.items())
    return Card(
        f"Finite {length.kind}",
        f"{length.kind} {sided(length.length, 'lower')} bits from {length.rounds:g} rounds",
        facts,
        formula=formula(f"{length.kind} from {length.rounds:g} rounds", length.length, "lower", "bits"),
        grids=(Grid(("term", "bits"), rows, "what the length is made of"),),
    )
