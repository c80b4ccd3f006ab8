"""Check an entropy bound by the qubit reduction: branch and bound in ball arithmetic.

The question has two parties; at most two settings a party, of two outcomes each, are in the tested expressions. A proof
has the multipliers lambda_j and nothing else; to be shown is, for every quantum behaviour v and the claimed constant,

    entropy >= constant - sum_j lambda_j observed_j . v.

*Reduction.* By Jordan's lemma the devices are direct sums of pairs of qubits with observables 1, ``A = Z``,
``A' = cos a Z + sin a X``, the same for B, 0 <= a, b <= pi (blocks of dimension one have a = 0 or pi and a state on one
vector of the basis), and Eve may know the block: so the inequality holds if it does for pairs of qubits. The state may
be taken real, for the entropy is convex and does not change when the state is transposed. A key's setting that is not
tested may be a constant: it leaves the entropy of the flip only. With N_i the roots of the effects of the outcomes of
the key (after a flip: diag(sqrt(1-q), sqrt(q)) and its reverse, of Alice; after a channel diag(sqrt(1-p), sqrt(p')) and
diag(sqrt(p), sqrt(1-p')); or the projectors of both parties) the
entropy given the holder of a purification of a state rho is

    H(rho) = sum_i S(N_i rho N_i) - S(rho) >= Tr rho (log r - sum_i N_i log(N_i r N_i) N_i)     (in nats)

for *any* r > 0: H is convex and homogeneous of degree one, being a relative entropy, so its tangents go through the
origin. With K = -sum_j lambda_j observed_j, an operator, ``G(K) = max Tr K rho - H(rho)`` is at most the largest
eigenvalue of ``K - log r + sum_i N_i log(N_i r N_i) N_i``; what is to be shown is G(K) <= -constant for all a, b.

*Cells.* On an arc of half-width d, (cos a, sin a) is in the triangle of the arc's ends and the meeting point of their
tangents, with weight at most t = cos d / (1 + cos d) on the latter. K is affine in (cos a, sin a), in (cos b, sin b),
and G is convex: on a cell of a and b it is at most the largest of the 16 means of its values at the 9 pairs of corners
with weights (1,0,0), (1-t,t,0), (0,t,1-t), (0,0,1) on either side. Cells where this is not below -constant are divided,
along either angle or both. If Bob's outcome is no key, G does not change if his qubit is turned: for a cell B' = Z and
``B = cos b Z + sin b X`` may be taken instead.

Floats choose r; what they choose is taken as exact, and everything that the proof rests on is computed in balls: a cell
is done only where the balls say so. If they are too wide to say it, all is done again with twice the precision. In
closed form the balls are first those of :mod:`sdpbound.checker.float_balls`, for many cells at once. Where
no test has a marginal and nothing is flipped, r may be taken to commute with Y x Y, and the bound is in closed form:
with M = (z; x) the matrix of K in Z, X, a vector g in the plane (on the first axis for the key of both), z' = z + g,
x* = (x_1, -x_0), Q = (cosh|z' + x*| + cosh|z' - x*|)/2, k the gradient of log Q by z' (its first entry, for both) and
g' = artanh|k| k/|k|, the largest eigenvalue is log Q - log cosh|g'| + |g' - g|.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import flint

from sdpbound.checker.channel import Channel
from sdpbound.checker.numbers import ZERO, lower_end
from sdpbound.checker.qubit_correlators import CorrelatorDual
from sdpbound.checker.qubit_search import MOST_CELLS, CellSearch, Dual, Table
from sdpbound.checker.qubit_states import StateDual
from sdpbound.checker.question import Question, pair_of
from sdpbound.checker.reading import shown
from sdpbound.errors import CertificateError

__all__ = ["DOUBLINGS", "LEAST_FLIPS", "PRECISION", "qubit_charge", "reduced"]


#: Fewer flips of the key are taken for none, for flips lower no entropy. A channel that is not symmetric may.
LEAST_FLIPS = Fraction(1, 10**6)
PRECISION = 128  # bits, more where the numbers of the functional are large
DOUBLINGS = 2
_LARGEST_FUNCTIONAL = 2**32  # bits; floats choose badly beyond. At S - 2 = 5e-4 without noise 3e8 are honest


def qubit_charge(question: Question, method: Any, multipliers: Sequence[Fraction], constant: Fraction) -> Fraction:
    """``-constant`` if every quantum behaviour v has -entropy <= -constant + sum_j multipliers_j t_j . v.

    `multipliers` are those of the tests t_j in normal form, which have no constants.

    Raises
    ------
    CertificateError : the tests are not of this kind, or this is false or could not be shown
    """
    if method != "qubit":
        raise CertificateError(f"proof.method is {shown(method)}; 'qubit' or 'trivial' is expected.")
    expression, key = reduced(question, *pair_of(question.key, "question.figure", question.merge), multipliers)
    entries = [abs(value) for row in expression for value in row]
    if key == "none" and any(entries):
        raise CertificateError("the setting of the key is not tested, and the proof has multipliers not zero.")
    marginals = any(expression[0][1:]) or any(row[0] for row in expression[1:])
    channel = question.channel
    if channel.is_of_flips and channel.flips < LEAST_FLIPS:
        channel = Channel()
    if sum(entries) > _LARGEST_FUNCTIONAL:
        raise CertificateError(
            f"proof.multipliers change the entropy by up to {float(sum(entries)):.3g} bits; at most "
            f"{_LARGEST_FUNCTIONAL} are checked."
        )
    precision = PRECISION + 2 * max(int(value).bit_length() for value in (*entries, abs(constant)))
    steps = 0  # of all precisions together
    for doubling in range(DOUBLINGS + 1):
        with flint.ctx.workprec(precision << doubling):
            if not any(entries):
                return -lower_end(question.channel.least)
            dual: Dual = StateDual(key, channel) if marginals or channel else CorrelatorDual(key)
            search = CellSearch(expression, dual, -constant, steps)
            if search.run():
                return -constant
            if not search.blurred:
                break
            steps = search.steps
    raise CertificateError(
        "the functional is too close to the entropy, or above it, for its proof: more than "
        f"{MOST_CELLS} cells of angles would be needed."
    )


def reduced(question: Question, x: int, y: int | None, multipliers: Sequence[Fraction]) -> tuple[Table, str]:
    """The functional in 1, A, A' times 1, B, B', and whose outcome the key is of those tested."""
    scenario = question.scenario
    places: list[dict[int, int]] = []
    tested: list[list[int]] = []
    keys = (x, y)
    for party in (0, 1):
        letters = scenario.letters(party)
        used = {index[party] for tensor in question.observed.tensors for index in tensor} - {0}
        settings = [s for s, coordinates in enumerate(letters) if used & set(coordinates)]
        if len(settings) > 2 or any(scenario.outcomes[party][s] != 2 for s in settings):
            raise CertificateError(
                f"question.observed tests settings {settings} of party {party}; a qubit proof is about two settings of "
                "two outcomes at most."
            )
        settings.sort(key=lambda s: s != keys[party])
        places.append({0: 0, **{letters[s].start: k for k, s in enumerate(settings, start=1)}})
        tested.append(settings)
    table: Table = [[ZERO] * 3 for _ in range(3)]
    for (i, j), value in question.observed.combined(multipliers).items():
        table[places[0][i]][places[1][j]] -= value
    seen = [setting is not None and setting in tested[party] for party, setting in enumerate(keys)]
    if seen[0]:
        return table, "both" if seen[1] else "one"
    if seen[1]:
        return [list(column) for column in zip(*table, strict=True)], "one"
    return table, "none"
