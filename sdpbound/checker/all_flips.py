"""Check attacks on a key that leave no more than some bits, with whatever probability its bit is flipped first.

The file names mixtures of quantum strategies, each as the proof of an attack does (see :mod:`sdpbound.checker.attack`),
and in ``question.figure.outcomes`` the weight ``p[a][b]`` of value a of the key and outcome b of its receiver. It
claims that for every q in [0, 1/2], with A_q the key's bit flipped with probability q,

    min H(A_q|E)  <=  H(A_q|B) + value,

the minimum over quantum strategies with the tested values, H(A_q|B) that of the weights divided by their sum.

With s = 1 - 2q and u = s^2 both entropies have the form ``1 - I(u)``, where ``I(u) = c_1 u + c_2 u^2 + ..`` has no
negative coefficient. For Eve's states X_0, X_1 of one strategy, of trace one together, the entropy is
``S(M + sD) + S(M - sD) - S(2M)`` with ``M = (X_0 + X_1)/2`` and ``D = (X_0 - X_1)/2``. At s = 0 it is one bit. As
``-x ln x = int_0^inf (1 - x/(1+t) - t/(t+x)) dt``, each even power of s has the coefficient
``-2 int t Tr R (D R)^2k dt`` with ``R = 1/(M + t)``, and ``Tr R (DR)^2k`` is the trace of the product of R and the
positive matrix ``(R^1/2 D R^1/2)^2k``. Weights of strategies keep the signs, and numbers are matrices of size one, so
that H(A_q|B) has the form as well. So both functions ``I(u)/u`` are convex and do not fall: between two places they are
below the chord, and beyond them they are above it. In a cell [a, b] of u

    I_B(u)/u - I_E(u)/u  <=  chord of I_B/u - chords of I_E/u on the left or on the right, or any mean of both,

a straight line e, and u e(u) or zero bounds H(A_q|E) - H(A_q|B) of the cell from above. It is at most
``max(a e(a), b e(b)) + max(0, e(a) - e(b)) (b - a)/4``, and not positive where e is not. ``I_B/u`` at 0 is
``sum_b (p_0b - p_1b)^2 / (2 ln 2 p_b)``. Cells are halved until each is below the claim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import flint

from sdpbound.checker.attack import read_mixture
from sdpbound.checker.attack_question import AttackQuestion, read_question
from sdpbound.checker.claim import Subject, Verification
from sdpbound.checker.mixtures import Enclosure, enclose, weigh
from sdpbound.checker.numbers import lower_end, rounded_float, to_ball
from sdpbound.checker.reading import read_keys, read_list, read_number, shown
from sdpbound.checker.spectra import entropy, plogp
from sdpbound.checker.trials import out_of_range
from sdpbound.errors import CertificateError

__all__ = [
    "MOST_CELLS",
    "MOST_MIXTURES",
    "MOST_WORK",
    "PRECISION",
    "Known",
    "known_from_attack",
    "leveled",
    "most_left",
    "read_known",
    "verify_all_flips",
    "work_of_state",
]

PRECISION = 192  # bits
MOST_MIXTURES = 32
_FINEST = Fraction(1, 2**24)  # width of a cell
MOST_CELLS = 20_000
MOST_WORK = 2**27  # products of two numbers, about, of all spectra together
_TURNS = 16  # products for each entry of a matrix that is made diagonal, in units of its size


@dataclass(eq=False)
class Known:
    """``I(u)/u`` of what Eve knows of a key, or of what its receiver knows, at places u in (0, 1], in balls.

    ``parts`` are weights with the two states of a strategy, and the entropy of their sum.
    """

    parts: Sequence[tuple[flint.arb, Any, Any, flint.arb]]
    places: dict[Fraction, flint.arb] = field(default_factory=dict)

    @property
    def work(self) -> int:
        """Products of numbers that were taken so far, about."""
        return len(self.places) * sum(work_of_state(first) for _, first, _, _ in self.parts)

    def at(self, u: Fraction) -> flint.arb:
        found = self.places.get(u)
        if found is None:
            s, left = to_ball(u).sqrt(), flint.arb(1)
            for weight, first, second, whole in self.parts:
                middle, half = (first + second) * flint.arb(0.5), (first - second) * (s / 2)
                left -= weight * (_entropy(middle + half) + _entropy(middle - half) - whole)
            found = self.places[u] = left / to_ball(u)
        return found


def work_of_state(state: Any) -> int:
    """About how many products of numbers the entropy of a state takes."""
    if isinstance(state, flint.arb):
        return _TURNS
    rows = int(state.nrows()) * (1 if isinstance(state, flint.arb_mat) else 2)
    return _TURNS * rows**3


def _entropy(state: Any) -> flint.arb:
    return plogp(state) if isinstance(state, flint.arb) else entropy(state)


def known_from_attack(
    question: AttackQuestion, enclosures: Sequence[Enclosure], weights: Sequence[Fraction], adjusted: Sequence[int]
) -> tuple[Known, list[flint.arb]]:
    """What a mixture tells Eve, and its misses of the tested values; raises CertificateError where it is none."""
    balls, misses = weigh(question, enclosures, weights, adjusted)
    return Known([(w, e.parts[0], e.parts[1], e.entropy) for w, e in zip(balls, enclosures, strict=True)]), misses


def _receiver(question: AttackQuestion) -> tuple[Known, flint.arb]:
    """What the receiver knows, and its value at u = 0."""
    total = sum(map(sum, question.table), Fraction(0))
    columns = [(p / total, r / total) for p, r in zip(*question.table, strict=True) if p + r]
    steep = sum(((p - r) ** 2 / (p + r) for p, r in columns), Fraction(0))
    balls = [(to_ball(p), to_ball(r), plogp(to_ball(p + r))) for p, r in columns]
    return Known([(flint.arb(1), *own) for own in balls]), to_ball(steep) / (2 * flint.arb(2).log())


def most_left(question: AttackQuestion, attacks: Sequence[Known], claimed: Fraction) -> Fraction:
    """Bits that no flips exceed: the largest of all cells, each halved until it is below the claim or very small."""
    receiver, steep = _receiver(question)
    most, cells, order = Fraction(0), [(Fraction(0), Fraction(1))], list(attacks)
    done = 0
    while cells:
        a, b = cells.pop()
        done += 1
        left = None if b - a > Fraction(1, 2) else _of_cell(a, b, receiver, steep, order, max(claimed, most))
        if left is not None and left <= max(claimed, most):
            most = max(most, left)
        elif b - a <= _FINEST:
            raise CertificateError(
                f"With flips of a probability near {0.5 - 0.5 * float(b) ** 0.5:.6g} the attacks are not proven to "
                f"leave at most {float(claimed)!r} bits, but {'?' if left is None else repr(float(left))}."
            )
        elif done + len(cells) > MOST_CELLS or sum(k.work for k in attacks) > MOST_WORK:
            raise CertificateError("The flips take more cells than are checked; claim more bits, or fewer strategies.")
        else:
            middle = (a + b) / 2
            cells += [(middle, b), (a, middle)]
    return most


def _of_cell(
    a: Fraction, b: Fraction, receiver: Known, steep: flint.arb, order: list[Known], enough: Fraction
) -> Fraction | None:
    """A number above all bits left in a cell, at least 0, the first found that is small enough; None if none is known.

    The attack that was good enough is the first one in ``order`` from then on: it is tried first next to the cell.
    """
    own = (steep if a == 0 else receiver.at(a), receiver.at(b))
    least = None
    for attack in tuple(order):
        known: list[tuple[flint.arb, flint.arb]] = []
        for side in _sides(a, b):
            ends = _beside(a, b, own, attack, side)
            if ends is None:
                continue
            known.append(ends)
            tried = [ends] if len(known) == 1 else [ends, leveled(known[0], known[1])]
            value = max(min(_upper(_largest(a, b, first, second)) for first, second in tried), Fraction(0))
            least = value if least is None or value < least else least
            if least <= enough:
                order.remove(attack)
                order.insert(0, attack)
                return least
    return least


def _largest(a: Fraction, b: Fraction, first: flint.arb, second: flint.arb) -> flint.arb:
    """Above u e(u) in [a, b], or zero, e straight with these ends.

    Where e falls the square term lifts u e(u) above its chord, by a quarter of the width at most.
    """
    highest = first.max(second)
    if not highest > 0:
        return highest * to_ball(b)
    ends = (first * to_ball(a)).max(second * to_ball(b))
    return ends + (first - second).max(flint.arb(0)) * to_ball((b - a) / 4)


def _sides(a: Fraction, b: Fraction) -> list[tuple[Fraction, Fraction]]:
    """Pairs of places on one side of a cell or at its end, whose chord is below a convex function in the cell."""
    width = b - a
    left = [(a - width if a > width else a / 2, a)] if a > 0 else []
    right = [(b, b + width)] if b + width <= 1 else []
    return left + right


def _beside(
    a: Fraction,
    b: Fraction,
    own: tuple[flint.arb, flint.arb],
    attack: Known,
    side: tuple[Fraction, Fraction],
) -> tuple[flint.arb, flint.arb] | None:
    """The bound on the difference of both functions at the ends of a cell, by the chord of two places."""
    (p, n), low, high = side, attack.at(side[0]), attack.at(side[1])
    slope = (high - low) / to_ball(n - p)
    first, second = own[0] - low - slope * to_ball(a - p), own[1] - low - slope * to_ball(b - p)
    return (first, second) if first.is_finite() and second.is_finite() else None


def leveled(left: tuple[flint.arb, flint.arb], right: tuple[flint.arb, flint.arb]) -> tuple[flint.arb, flint.arb]:
    """The mean of two straight bounds whose ends are about equal, so that the larger end is low."""
    rise, fall = float((left[1] - left[0]).mid()), float((right[0] - right[1]).mid())
    share = fall / (rise + fall) if rise > 0.0 and fall > 0.0 else 0.5
    weight = flint.arb(min(max(share, 0.0), 1.0))
    return left[0] * weight + right[0] * (1 - weight), left[1] * weight + right[1] * (1 - weight)


def _upper(ball: flint.arb) -> Fraction:
    return -lower_end(-ball)


def verify_all_flips(root: Mapping[str, object], strict: bool) -> Verification:
    """Recompute what attacks leave of a key; `root` has passed :func:`sdpbound.checker.read`."""
    question = read_question(root["question"])
    if question.kind != "key_rate":
        raise CertificateError(f"question.figure.kind is {shown(question.kind)}; of attacks on a key it is key_rate.")
    proof = read_keys(root["proof"], ("mixtures",), "proof")
    entries = read_list(proof["mixtures"], "proof.mixtures")
    if not 1 <= len(entries) <= MOST_MIXTURES:
        raise CertificateError(f"proof.mixtures has {len(entries)} entries; 1 to {MOST_MIXTURES} are needed.")
    claimed = read_number(read_keys(root["claim"], ("value",), "claim")["value"], "claim.value")
    with flint.ctx.workprec(PRECISION):
        faults = out_of_range(claimed, "upper", flint.arb(0), flint.arb(1), "a rate of this key under attack")
        attacks = [read_known(question, entry, f"proof.mixtures[{n}]") for n, entry in enumerate(entries)]
        value = rounded_float(most_left(question, attacks, max(claimed, Fraction(0))), up=True)
    good = f"With any flips the attacks leave at most {value!r} bits of the key, as claimed ({float(claimed)!r})."
    bad = f"The certificate does not prove its claim on a key: {'; '.join(faults)}."
    return Subject(question.kind, "upper").verified(value, claimed, (good, bad), holds=not faults, strict=strict)


def read_known(question: AttackQuestion, entry: object, name: str) -> Known:
    """One mixture of the file, which has the tested values."""
    mixture = read_mixture(question, entry, name)
    enclosures = [enclose(question, s, f"{name}.strategies[{k}]") for k, s in enumerate(mixture.strategies)]
    known, misses = known_from_attack(question, enclosures, mixture.weights, mixture.adjusted)
    for j, (miss, own, scale) in enumerate(
        zip(misses, question.observed.tolerances, question.observed.scales, strict=True)
    ):
        if not miss <= to_ball(own * scale):
            raise CertificateError(
                f"{name} misses the tested value question.observed[{j}] by {float(miss.mid()):.3g}; its tolerance is "
                f"{float(own * scale):.3g}."
            )
    return known
