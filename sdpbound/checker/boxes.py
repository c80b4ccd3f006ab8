"""Check certificates of n boxes held by a no-signaling adversary, as :mod:`sdpbound.checker` checks others.

A box has an interface at Alice and one at Bob, outcomes 0 and 1. The question: the boxes' joint behaviour P, exactly;
the settings (u_i, v_i) that Eve knows; a function f of Alice's outcomes x with values 0 .. k-1; and a figure,

    guessing_probability     max sum_t p_t(f = t)                over splits P = sum_t p_t into no-signaling parts >= 0,
    distance_from_uniform    sum_s max [p(f = s) - p(1)/k]       over no-signaling parts 0 <= p <= P, for every s

(Definition 6 of arXiv:0911.4171: the distinguisher holds the key, and may choose Eve's measurement by it). The proof:
weights w >= 0 on rows, over one denominator. A row is a joint probability of one setting and outcome of each of the 2n
interfaces, number ``2 * setting + outcome`` of each, the last interface counting fastest. All is in integers.

**joint** P is given by its Collins-Gisin coordinates 1, P(0|0), P(0|1), .. of each interface. One list of weights for
each t. ``c = g_t + sum w_t(row) row`` with g_t = P(f = t) must be the same functional for all t; then
``sum_t g_t . p_t = c . P - sum w_t(row) p_t(row) <= c . P``. For the distance two lists for every s: the same with
g_0 = P(f = s) - 1/k for p, and g_1 = 0 for P - p.

**depolarised** ``P(xy|uv) = 2^-n Q(e)``, e_i = x_i + y_i + u_i v_i modulo 2, f(x) = M x over GF(2). The weights stand
for many rows. A box that f uses has type 0, 1 (Alice's setting is u_i and e_i = 0, 1) or 2, 3 (it is not, e_i = 0, 1),
and s_i = x_i for the first two, y_i + u_i v_i for the others, u_i the setting that Eve knows and v_i that of the row; a
box that f does not use has type e_i and s_i = 0. Row r has the weight W_t(r) = w_{t + M s(r)}(types of r) / (4 for each
used box, 8 for each other). The condition on c, transformed over t, is: for all b != 0 in {0,1}^(bits of f), with
w^_b = sum_t (-1)^(b.t) w_t and a = b M modulo 2,

    sum_types w^_b(types) (x)_i F_i(type_i) + (x)_i (A_{u_i} if a_i = 1 else 1) = 0,
    F_i(type) = 1/4 (unused: 1/8) times the sum over the rows of box i of this type of (-1)^(a_i s_i) row.

With P(xy|uv) = (1 + (-1)^x A_u + (-1)^y B_v + (-1)^(x+y) A_u B_v) / 4, G = A_u / 4 and H = (B_0 + (-1)^u B_1) / 8,

    a_i = 1:         F(0), .., F(3) = G + H, G - H, H, H, and A_{u_i} = 2 F(0) + 2 F(1),
    a_i = 0, used:   F(3) = F(0) + F(1) - F(2),           and 1 = 2 F(0) + 2 F(1),
    not used:                                                 1 = 2 F(0) + 2 F(1);

G and H, or F(0), F(1), F(2), are independent, so the condition is on small tensors. The mean over t of c . P is
1/k + sum 2^-n Q(e) w_t(types) / k. For the distance there is one list for p and one for P - p for every t, and the same
condition on their difference, for all b, without a functional at b = 0; the bound is sum 2^-n Q(e) w(types) / 2.

**exchangeable** The same for the XOR of all boxes, Q(e) given by the distribution of the number of errors. A weight is
for all arrangements of its types together, (number of boxes of type 0, 1, 2, 3). The condition is on a symmetric
tensor: its value on every vector (1, s) in the place of (G, H) is a polynomial in s of degree n, zero at n + 1 points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import product
from math import comb, prod
from typing import Any

import flint

from sdpbound.checker.claim import Verification
from sdpbound.checker.numbers import nearest_float, rounded_float
from sdpbound.checker.reading import read_integer, read_keys, read_kind, read_list, read_number, shown
from sdpbound.checker.trials import at_fault, out_of_range
from sdpbound.errors import CertificateError

__all__ = ["Answer", "Step", "prove", "verify_boxes"]

# Limits that keep a hostile file from exhausting time or memory; far above any honest certificate.
_MOST_DIGITS = 8192  # bits of an integer
_MOST_ROWS = 65536
_MOST_WORK = 2**22  # rows times lists of weights
_MOST_BITS = 6
_MOST_VALUES = 2**_MOST_BITS
_MOST_BOXES = 12
_MOST_SETTINGS = 8192
_MOST_SPLITS = 2**14  # deterministic boxes times settings

#: The types of a box in terms of G and H, or of F(0), F(1), F(2), transposed.
_ODD = ((1, 1, 0, 0), (1, -1, 1, 1))
_EVEN = ((1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, -1))
_UNUSED = ((1, 0), (0, 1))

Step = Callable[[Sequence[int]], list[int]]
Answer = tuple[Fraction, Fraction]  # the bound of a proof, and the figure of an explicit split of the boxes


def verify_boxes(root: Mapping[str, Any], strict: bool) -> Verification:
    """The answer of :func:`sdpbound.checker.verify` for a certificate of boxes that was read."""
    bound = prove(root)
    claimed = read_number(read_keys(root["claim"], ("value",), "claim")["value"], "claim.value")
    figure, value = root["question"]["figure"]["kind"], rounded_float(bound, up=True)
    k = _values(root["question"])
    share = flint.arb(1) / k
    ends = (flint.arb(0), 1 - share) if figure == "distance_from_uniform" else (share, flint.arb(1))
    beyond = out_of_range(claimed, "upper", *ends, f"a {figure} of {k} values")
    holds = bound <= claimed and not beyond
    if holds:
        message = f"The {figure} of the boxes is at most {value!r}, as claimed ({nearest_float(claimed)!r})."
    else:
        message = (
            f"The certificate does not prove its claim on the {figure} of the boxes: the recomputed upper bound is "
            f"{value!r}, the claimed value {nearest_float(claimed)!r}{'; '.join(['', *beyond])}."
        )
        if strict:
            raise CertificateError(message)
    return Verification(value, rounded_float(claimed, up=True), "upper", figure, "no-signaling", holds, None, message)


def prove(root: Mapping[str, Any]) -> Fraction:
    """The exact upper bound that the proof gives, whatever is claimed; CertificateError if it proves nothing."""
    question = read_keys(root["question"], ("boxes", "inputs", "function", "figure", "side", "model"), "question")
    read_kind(question["model"], "question.model", ("no-signaling",))
    read_keys(question["model"], ("kind",), "question.model")
    if question["side"] != "upper":
        raise CertificateError(f"question.side is {shown(question['side'])}; for boxes it must be upper.")
    figure = read_kind(question["figure"], "question.figure", ("guessing_probability", "distance_from_uniform"))
    read_keys(question["figure"], ("kind",), "question.figure")
    proof = read_keys(root["proof"], ("weights", "denominator"), "proof")
    denominator = _positive(proof["denominator"], "proof.denominator")
    kinds = {"joint": _joint, "depolarised": _depolarised, "exchangeable": _exchangeable}
    check = kinds[read_kind(question["boxes"], "question.boxes", tuple(kinds))]
    bound, least = check(question, figure == "distance_from_uniform", proof["weights"], denominator)
    if bound < least:
        raise at_fault(f"an explicit split of the boxes has the {figure} {float(least):.9g}, above {float(bound):.9g}")
    return bound


def _values(question: Mapping[str, Any]) -> int:
    """How many values the function has; the question was read."""
    function = question["function"]
    return max(function["values"]) + 1 if function["kind"] == "table" else 1 << len(function["matrix"])


# --- the kinds of boxes --------------------------------------------------------------------------------------------


def _joint(question: Mapping[str, Any], distance: bool, weights: Any, denominator: int) -> Answer:
    name = "question.boxes"
    boxes = read_keys(question["boxes"], ("kind", "settings", "coordinates", "denominator"), name)
    pairs = read_list(boxes["settings"], f"{name}.settings")
    _count(len(pairs))
    parties = [
        read_integer(k, 1, _MOST_SETTINGS, f"{name}.settings")
        for pair in pairs
        for k in read_list(pair, f"{name}.settings", length=2)
    ]
    shape = [2 * k for k in parties]
    if prod(shape) > _MOST_ROWS:
        raise CertificateError(f"{name} has {prod(shape)} joint probabilities; at most {_MOST_ROWS} are checked.")
    settings = _inputs(question["inputs"], parties)
    labels, k = _labels(question["function"], len(pairs))

    total = _positive(boxes["denominator"], f"{name}.denominator")
    marginal = _integers(boxes["coordinates"], prod(1 + k for k in parties), f"{name}.coordinates")
    joint = _walk(marginal, [1 + k for k in parties], [_probabilities] * len(parties))
    if marginal[0] != total or min(joint) < 0:
        raise CertificateError(f"{name} is no behaviour: it has negative probabilities, or is not normalised.")

    functionals = []
    for place, rows in enumerate(_weights(weights, 2 * k if distance else k, prod(shape))):
        if distance:  # k times the figure
            gains = [0 if place % 2 else k * (label == place // 2) - 1 for label in labels]
            rows = [k * w for w in rows]
        else:
            gains = [int(label == place) for label in labels]
        for x, gain in zip(product((0, 1), repeat=len(pairs)), gains, strict=True):
            for y in product((0, 1), repeat=len(pairs)) if gain else ():  # Bob's outcomes are summed
                rows[_row(settings, x, y, shape)] += gain * denominator
        functionals.append(_walk(rows, shape, [_functional] * len(parties)))
    bound = 0
    for first in range(0, len(functionals), 2 if distance else k):
        group = functionals[first : first + (2 if distance else k)]
        if any(other != group[0] for other in group):
            raise CertificateError("The weights do not give the same functional for all values: they prove nothing.")
        bound += sum(c * z for c, z in zip(group[0], marginal, strict=True))
    value = Fraction(bound, denominator * total * (k if distance else 1))
    return value, _deterministic_split(joint, total, parties, settings, labels, k, distance)


def _depolarised(question: Mapping[str, Any], distance: bool, weights: Any, denominator: int) -> Answer:
    name = "question.function"
    function = read_keys(question["function"], ("kind", "matrix"), name)
    read_kind(function, name, ("linear",))
    matrix = _matrix(function["matrix"], None)
    n, k = len(matrix[0]), 1 << len(matrix)
    _inputs(question["inputs"], [2] * (2 * n))
    used = [any(column) for column in zip(*matrix, strict=True)]
    shape = [4 if u else 2 for u in used]
    boxes = read_keys(question["boxes"], ("kind", "patterns", "denominator"), "question.boxes")
    total = _positive(boxes["denominator"], "question.boxes.denominator")
    errors = _integers(boxes["patterns"], 2**n, "question.boxes.patterns")
    _distribution(errors, total)

    lists = _weights(weights, 2 * k if distance else k, prod(shape))
    places = list(product(*map(range, shape)))
    target = [2**n * denominator * all(t < 2 for t in place) for place in places]
    for b in range(0 if distance else 1, k):
        signs = [(1 if t < k else -1) * (-1) ** (b & t).bit_count() for t in range(len(lists))]
        rows = [sum(map(int.__mul__, signs, column)) for column in zip(*lists, strict=True)]
        if b:
            rows = [w + g for w, g in zip(rows, target, strict=True)]
        odd = [sum(b >> i & row[j] for i, row in enumerate(matrix)) % 2 for j in range(n)]
        steps = [_linear(_ODD if o else _EVEN if u else _UNUSED) for o, u in zip(odd, used, strict=True)]
        if any(_walk(rows, shape, steps)):
            raise CertificateError(f"The weights do not balance for b = {b}: they prove nothing.")
    q = dict(zip(product((0, 1), repeat=n), errors, strict=True))
    given = [q[tuple(t % 2 for t in place)] for place in places]
    proven = Fraction(sum(p * sum(column) for p, column in zip(given, zip(*lists, strict=True), strict=True)), 2**n)
    proven /= denominator * total
    local = min(Fraction(q[e] * 4**n, total * 3 ** e.count(0)) for e in q)
    return proven / 2 if distance else (1 + proven) / k, _local_split(local, k, distance)


def _exchangeable(question: Mapping[str, Any], distance: bool, weights: Any, denominator: int) -> Answer:
    boxes = read_keys(question["boxes"], ("kind", "errors", "denominator"), "question.boxes")
    n = len(read_list(boxes["errors"], "question.boxes.errors")) - 1
    _count(n)
    total = _positive(boxes["denominator"], "question.boxes.denominator")
    errors = _integers(boxes["errors"], n + 1, "question.boxes.errors")
    _distribution(errors, total)
    _inputs(question["inputs"], [2] * (2 * n))
    function = read_keys(question["function"], ("kind", "matrix"), "question.function")
    read_kind(function, "question.function", ("linear",))
    if distance or _matrix(function["matrix"], n) != [[1] * n]:
        raise CertificateError("For exchangeable boxes only the guess of the XOR of all of them is checked.")

    balance, proven = [-(4**n) * denominator] * (n + 1), Fraction(0)
    for sign, part in zip((1, -1), read_list(weights, "proof.weights", length=2), strict=True):
        for item in read_list(part, "proof.weights"):
            row, w = read_list(item, "proof.weights", length=2)
            a, b, c, d = (read_integer(t, 0, n, "proof.weights") for t in read_list(row, "proof.weights", length=4))
            if a + b + c + d != n:
                raise CertificateError(f"proof.weights has the row {shown(row)}; it must add up to {n} boxes.")
            w = _weight(w)
            for s in range(n + 1):
                balance[s] -= sign * w * (1 + s) ** a * (1 - s) ** b * s ** (c + d)
            proven += Fraction(w * errors[b + d], comb(n, b + d))
    if any(balance):
        raise CertificateError("The weights do not balance: they prove nothing.")
    local = min(Fraction(p * 4**n, total * comb(n, wrong) * 3 ** (n - wrong)) for wrong, p in enumerate(errors))
    return (1 + proven / (2**n * denominator * total)) / 2, _local_split(local, 2, False)


# --- explicit splits, which no proof can contradict ----------------------------------------------------------------


def _local_split(weight: Fraction, k: int, distance: bool) -> Fraction:
    """The figure where with this probability all boxes are local ones, with errors 1/4, whose outcomes Eve knows."""
    return weight * (1 - Fraction(1, k)) if distance else weight + (1 - weight) / k


def _deterministic_split(
    joint: Sequence[int],
    total: int,
    parties: Sequence[int],
    settings: Sequence[int],
    labels: Sequence[int],
    k: int,
    distance: bool,
) -> Fraction:
    """The figure of a split of the boxes into deterministic ones, taken out one after the other, and the rest."""
    shape = [2 * count for count in parties]
    choices = list(product(*map(range, parties)))
    known = [0] * k  # weight of the parts whose value Eve knows, by value
    rest = list(joint)
    if 2 ** sum(parties) * len(choices) <= _MOST_SPLITS:
        for answers in product(*(product((0, 1), repeat=count) for count in parties)):
            rows = []
            for chosen in choices:
                row = 0
                for s, own, length in zip(chosen, answers, shape, strict=True):
                    row = row * length + 2 * s + own[s]
                rows.append(row)
            weight = min(rest[row] for row in rows)
            for row in rows if weight else ():
                rest[row] -= weight
            known[labels[_number_of([own[s] for s, own in zip(settings[::2], answers[::2], strict=True)])]] += weight
    left = [0] * k
    for x in product((0, 1), repeat=len(parties) // 2):
        for y in product((0, 1), repeat=len(parties) // 2):
            left[labels[_number_of(x)]] += rest[_row(settings, x, y, shape)]
    if not distance:
        return Fraction(sum(known) + max(left), total)
    # the distinguisher takes every part that has more of a value than 1/k
    gains = [k * v - sum(left) for v in left]
    return Fraction(sum((k - 1) * v for v in known) + sum(max(0, gain) for gain in gains), k * total)


def _number_of(bits: Sequence[int]) -> int:
    """The place of bits in the order of itertools.product."""
    return sum(bit << i for i, bit in enumerate(reversed(bits)))


# --- tensors of integers, flat, the last axis counting fastest -----------------------------------------------------


def _walk(values: Sequence[int], shape: Sequence[int], steps: Sequence[Step]) -> list[int]:
    """A tensor with one linear map applied along every axis."""
    flat = list(values)
    for length, step in zip(shape, steps, strict=True):
        # the first axis is taken off and put back as the last one
        stride = len(flat) // length
        flat = [value for start in range(stride) for value in step(flat[start::stride])]
    return flat


def _probabilities(z: Sequence[int]) -> list[int]:
    """P(0|x), P(1|x) for every setting from 1, P(0|0), P(0|1), .."""
    return [value for p in z[1:] for value in (p, z[0] - p)]


def _functional(w: Sequence[int]) -> list[int]:
    """The functional ``sum_i w_i P_i`` in the coordinates 1, P(0|0), P(0|1), .."""
    return [sum(w[1::2]), *(p - q for p, q in zip(w[0::2], w[1::2], strict=True))]


def _linear(matrix: Sequence[Sequence[int]]) -> Step:
    return lambda w: [sum(a * v for a, v in zip(row, w, strict=True)) for row in matrix]


def _row(settings: Sequence[int], x: Sequence[int], y: Sequence[int], shape: Sequence[int]) -> int:
    """The number of a joint probability."""
    outcomes, row = [o for pair in zip(x, y, strict=True) for o in pair], 0
    for setting, outcome, length in zip(settings, outcomes, shape, strict=True):
        row = row * length + 2 * setting + outcome
    return row


# --- reading -------------------------------------------------------------------------------------------------------


def _count(n: int) -> None:
    if not 1 <= n <= _MOST_BOXES:
        raise CertificateError(f"question.boxes has {n} boxes; certificates of 1 to {_MOST_BOXES} are checked.")


def _long(entry: object, name: str, least: int | None) -> int:
    """An integer of up to ``_MOST_DIGITS`` bits."""
    if isinstance(entry, bool) or not isinstance(entry, int) or entry.bit_length() > _MOST_DIGITS:
        raise CertificateError(f"{name} has {shown(entry)}; an integer of up to {_MOST_DIGITS} bits is expected.")
    if least is not None and entry < least:
        raise CertificateError(f"{name} has {shown(entry)}; it must be at least {least}.")
    return entry


def _positive(entry: object, name: str) -> int:
    return _long(entry, name, 1)


def _integers(entry: object, length: int, name: str) -> list[int]:
    return [_long(v, name, None) for v in read_list(entry, name, length=length)]


def _distribution(values: Sequence[int], total: int) -> None:
    if min(values) < 0 or sum(values) != total:
        raise CertificateError("question.boxes has errors that are no distribution: negative, or not adding up to 1.")


def _weight(entry: object) -> int:
    return _long(entry, "proof.weights", 0)


def _weights(entry: object, lists: int, rows: int) -> list[list[int]]:
    """Dense lists from lists of [row, weight]."""
    if lists * rows > _MOST_WORK:
        raise CertificateError(f"The proof has {lists} lists of weights for {rows} rows, too many to check.")
    found = []
    for part in read_list(entry, "proof.weights", length=lists):
        dense = [0] * rows
        for item in read_list(part, "proof.weights"):
            row, weight = read_list(item, "proof.weights", length=2)
            dense[read_integer(row, 0, rows - 1, "proof.weights")] += _weight(weight)
        found.append(dense)
    return found


def _inputs(entry: object, parties: Sequence[int]) -> list[int]:
    """The settings of all interfaces; Eve's figure does not depend on Bob's."""
    flat = [
        setting
        for pair in read_list(entry, "question.inputs", length=len(parties) // 2)
        for setting in read_list(pair, "question.inputs", length=2)
    ]
    return [read_integer(s, 0, k - 1, "question.inputs") for s, k in zip(flat, parties, strict=True)]


def _matrix(entry: object, boxes: int | None) -> list[list[int]]:
    """A 0/1 matrix with independent rows."""
    name = "question.function.matrix"
    rows = read_list(entry, name)
    width = boxes if boxes is not None else len(read_list(rows[0], name)) if rows else 0
    _count(width)
    matrix = [[read_integer(v, 0, 1, name) for v in read_list(row, name, length=width)] for row in rows]
    if len(matrix) > _MOST_BITS:
        raise CertificateError(f"{name} has {len(matrix)} rows; at most {_MOST_BITS} are checked.")
    for choice in range(1, 1 << len(matrix)):
        if not any(sum(choice >> i & row[j] for i, row in enumerate(matrix)) % 2 for j in range(width)):
            raise CertificateError(f"{name} has rows that are not independent.")
    return matrix


def _labels(entry: object, boxes: int) -> tuple[list[int], int]:
    """f(x) for every x, and the number of values."""
    name = "question.function"
    if read_kind(entry, name, ("linear", "table")) == "table":
        values = read_list(read_keys(entry, ("kind", "values"), name)["values"], name, length=2**boxes)
        labels = [read_integer(v, 0, _MOST_VALUES - 1, name) for v in values]
        k = max(labels) + 1
        if k < 2 or set(labels) != set(range(k)):
            raise CertificateError(f"{name} must have the values 0, 1, .. without gaps, and at least two of them.")
        return labels, k
    matrix = _matrix(read_keys(entry, ("kind", "matrix"), name)["matrix"], boxes)
    bits = [[sum(map(int.__mul__, row, x)) % 2 for row in matrix] for x in product((0, 1), repeat=boxes)]
    return [sum(bit << i for i, bit in enumerate(row)) for row in bits], 1 << len(matrix)
