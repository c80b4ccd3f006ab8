"""Check an attack on a key that leaves no more than some bits, whatever channel its bit passes first.

The file names mixtures of quantum strategies and ``shares`` of these, which make one mixture, and in
``question.figure.outcomes`` the weight ``p[a][b]`` of value a of the key and outcome b of its receiver. It claims that
for every channel from a bit to a bit, with A' what it makes of the key's bit A,

    min H(A'|E)  <=  H(A'|B) + value,

the minimum over quantum strategies with the tested values, H(A'|B) that of the weights divided by their sum.

Value j of A' has with each value a of A a probability c_ja, and ``c_0 + c_1 = (1, 1)``. For Eve's states X_a of the
mixture, of trace one together, and the receiver's p_a of the same traces, which are sequences of numbers, let

    F(c) = S(c_0 X_0 + c_1 X_1) - S(c_0 p_0 + c_1 p_1),    S(X) = -Tr X log2 X,

averaged over strategies. Then ``H(A'|E) - H(A'|B) = F(c_0) + F(c_1) - F(1, 1)``. F is homogeneous of degree one, as the
logarithm of a factor is multiplied with the same trace in both of its terms. So if ``F(1-t, t) <= l_0 (1-t) + l_1 t +
m`` for all t in [0, 1], what is left is at most ``l_0 + l_1 + 2 max(m, 0) - F(1, 1)``. ``line`` has l_0 and l_1.

In a cell [a, b] of t the first term, which is concave, is below a line through two of its values on one side of the
cell, and the second, concave too, above its chord: the largest difference is at an end. Cells are halved until the
claim is reached.

The weights need not have exactly the traces of the mixture. So p_a is row a of the weights, with the trace of Eve's
X_a. If half of the sum of all changes of traces is e, then H(A'|B) of the weights is at least that of the p_a less
``e + h(e)``: both tables are ``(1-e)`` times a common one and e times another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import flint

from sdpbound.checker.all_flips import (
    MOST_CELLS,
    MOST_MIXTURES,
    MOST_WORK,
    PRECISION,
    Known,
    leveled,
    read_known,
    work_of_state,
)
from sdpbound.checker.attack_question import AttackQuestion, read_question
from sdpbound.checker.claim import Subject, Verification
from sdpbound.checker.numbers import lower_end, rounded_float, to_ball
from sdpbound.checker.reading import read_keys, read_list, read_number, read_numbers, shown
from sdpbound.checker.spectra import entropy, plogp
from sdpbound.checker.trials import out_of_range
from sdpbound.errors import CertificateError

__all__ = ["Left", "left_by", "verify_all_channels"]

_FINEST = Fraction(1, 2**40)  # width of a cell


@dataclass(eq=False)
class Left:
    """F of a mixture less the line, at places t: both terms apart, in balls.

    ``parts`` are weights with Eve's states for the two values; ``rows`` the receiver's numbers, of the same traces.
    """

    parts: Sequence[tuple[flint.arb, Any, Any]]
    rows: tuple[Sequence[flint.arb], Sequence[flint.arb]]
    line: tuple[Fraction, Fraction]
    places: dict[Fraction, tuple[flint.arb, flint.arb]] = field(default_factory=dict)

    @property
    def work(self) -> int:
        """Products of numbers that were taken so far, about."""
        return len(self.places) * sum(work_of_state(first) for _, first, _ in self.parts)

    def at(self, t: Fraction) -> tuple[flint.arb, flint.arb]:
        """The entropy of Eve's states, and that of the receiver's numbers plus the line."""
        found = self.places.get(t)
        if found is None:
            own, other = to_ball(1 - t), to_ball(t)
            eve = sum((w * entropy(x * own + y * other) for w, x, y in self.parts), flint.arb(0))
            receiver = sum((plogp(p * own + q * other) for p, q in zip(*self.rows, strict=True)), flint.arb(0))
            found = self.places[t] = eve, receiver + to_ball(self.line[0] * (1 - t) + self.line[1] * t)
        return found

    def most(self, enough: flint.arb) -> flint.arb:
        """Above F less the line at all places; cells are halved until they are below ``enough``, if that can be."""
        half, most = Fraction(1, 2), flint.arb(-1)
        cells, done = [(half, Fraction(1)), (Fraction(0), half)], 0
        while cells:
            a, b = cells.pop()
            done += 1
            above = self._cell(a, b)
            if above <= enough or above <= most:
                most = most.max(above)
            elif b - a <= _FINEST or done + len(cells) > MOST_CELLS or self.work > MOST_WORK:
                raise CertificateError(
                    f"The attack is not proven to leave as little as is claimed of a value whose odds are near t = "
                    f"{float(b):.6g}, in {done} cells; claim more bits, or fewer strategies."
                )
            else:
                middle = (a + b) / 2
                cells += [(middle, b), (a, middle)]
        return most

    def _cell(self, a: Fraction, b: Fraction) -> flint.arb:
        width, ((low, first), (high, second)) = b - a, (self.at(a), self.at(b))
        lines = []
        if a > 0:
            lines.append((low - first, 2 * low - self.at(a - width)[0] - second))
        if b < 1:
            lines.append((2 * high - self.at(b + width)[0] - first, high - second))
        if len(lines) == 2:
            lines.append(leveled(lines[0], lines[1]))
        above = [flint.arb(left.max(right).upper()) for left, right in lines]
        if not all(value.is_finite() for value in above):
            raise CertificateError("What the attack leaves is not a finite number; the proof has absurd numbers.")
        return min(above, key=float)


def left_by(
    question: AttackQuestion, mixtures: Sequence[Known], shares: Sequence[Fraction], line: tuple[Fraction, Fraction]
) -> tuple[Left, flint.arb]:
    """F of the mixture of all mixtures, and what is left of the key if F is nowhere above the line."""
    whole = sum(shares, Fraction(0))
    parts = [
        (to_ball(share / whole) * weight, first, second)
        for share, known in zip(shares, mixtures, strict=True)
        for weight, first, second, _ in known.parts
        if share
    ]
    traces = [sum((w * _trace(pair[a]) for w, *pair in parts), flint.arb(0)) for a in (0, 1)]
    total = sum(map(sum, question.table), Fraction(0))
    sums = [sum(row, Fraction(0)) for row in question.table]
    count = len(question.table[0])
    rows = [
        [trace * to_ball(p / own if own else Fraction(1, count)) for p in row]
        for trace, own, row in zip(traces, sums, question.table, strict=True)
    ]
    off = sum((abs(trace - to_ball(own / total)) for trace, own in zip(traces, sums, strict=True)), flint.arb(0)) / 2
    if not off < 0.5:
        raise CertificateError("The key's values have other probabilities in the attack than the weights say.")
    left = Left(parts, (rows[0], rows[1]), line)
    eve, receiver = left.at(Fraction(1, 2))  # the line at 1/2 is half of what it is at (1, 1)
    moved = off + plogp(off) + plogp(1 - off)
    return left, 2 * (receiver - eve) + moved


def _trace(state: Any) -> flint.arb:
    entries = (state[i, i] for i in range(state.nrows()))
    return sum((v if isinstance(v, flint.arb) else v.real for v in entries), flint.arb(0))


def verify_all_channels(root: Mapping[str, object], strict: bool) -> Verification:
    """Recompute what an attack leaves of a key; `root` has passed :func:`sdpbound.checker.read`."""
    question = read_question(root["question"])
    if question.kind != "key_rate_any_channel":
        raise CertificateError(
            f"question.figure.kind is {shown(question.kind)}; of attacks on all channels it is key_rate_any_channel."
        )
    proof = read_keys(root["proof"], ("mixtures", "shares", "line"), "proof")
    entries = read_list(proof["mixtures"], "proof.mixtures")
    if not 1 <= len(entries) <= MOST_MIXTURES:
        raise CertificateError(f"proof.mixtures has {len(entries)} entries; 1 to {MOST_MIXTURES} are needed.")
    shares = read_numbers(proof["shares"], "proof.shares", length=len(entries))
    if any(share < 0 for share in shares) or not sum(shares) > 0:
        raise CertificateError("proof.shares has a negative share, or none above zero.")
    first, second = read_numbers(proof["line"], "proof.line", length=2)
    claimed = read_number(read_keys(root["claim"], ("value",), "claim")["value"], "claim.value")
    with flint.ctx.workprec(PRECISION):
        faults = out_of_range(claimed, "upper", flint.arb(0), flint.arb(1), "a rate of this key under attack")
        mixtures = [read_known(question, entry, f"proof.mixtures[{n}]") for n, entry in enumerate(entries)]
        left, least = left_by(question, mixtures, shares, (first, second))
        most = left.most((to_ball(claimed) - least) / 2)
        value = rounded_float(-lower_end(-(least + 2 * most.max(flint.arb(0)))), up=True)
    own = float(claimed)
    good = f"Whatever channel is first, the attack leaves at most {value!r} bits of the key, as claimed ({own!r})."
    bad = f"The certificate does not prove its claim on a key: {'; '.join(faults) or f'{value!r} bits are left'}."
    holds = not faults and value <= claimed
    return Subject(question.kind, "upper").verified(value, claimed, (good, bad), holds=holds, strict=strict)
