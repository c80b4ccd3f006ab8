"""Boxes held by an adversary who is limited by no-signaling: upper bounds on her guess, or on her distance.

Alice and Bob hold n boxes with a joint behaviour P. Eve's measurement splits it, ``P = sum_t p_t``, into parts that are
not negative and do not signal. She guesses f(x) = t from part t, at Alice's settings u: ``sum_t g_t . p_t`` with
``g_t . p = sum_{x: f(x) = t} p(x|u)``. Weights W_t >= 0 of joint probabilities prove a bound if

    g_t + W_t = h   on all no-signaling behaviours, for every t:   sum_t g_t . p_t <= sum_t h . p_t = h . P.        (1)

The distance of f, of k values, from uniform is ``sum_s max_{0 <= p <= P} (g_s - 1/k) . p``; for each s it is enough
that

    g_s - 1/k + W_s^+ = W_s^-   on all no-signaling behaviours; then it is at most sum_s W_s^- . P.                 (2)

Two linear functionals agree on all no-signaling behaviours if they do on deterministic strategies that span them: for
an interface of m settings "always 0" and, for each setting, "1 at this one". Strategies are tried, one by one.

**Symmetric files.** Of boxes ``P(xy|uv) = 2^-n Q(e)``, ``e_i = x_i + y_i + u_i v_i``, and f(x) = M x over GF(2),
weights w_tau are those of types of entries: of a box used by f, (u = the guessed setting or not, e), else e. They stand
for the full weights ``W_t(xy|uv) = w_{t + M s}(types) / N(types)``, with s_i = x_i if u_i is the guessed setting, else
y_i + u_i v_i, and N how many entries have these types: four or eight for each box. What (1) and (2) say of them is
checked after a transform over t, ``sum_t (-1)^{c.t}``: then the full weights are a product of signs and of what depends
on types, so that strategies of n boxes are products of strategies of one, whose 16 entries are enumerated. Of boxes
that are exchangeable only how many have each type counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import factorial, prod
from typing import Any

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.question import within
from sdpbound.recheck.reading import choice, integer, items, number, record

__all__ = ["recheck_boxes"]

MOST_ROWS, MOST_BOXES, MOST_EQUAL, MOST_VALUES = 65536, 7, 12, 64
LARGEST = 1 << 8192
Table = dict[tuple[int, ...], int]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Settings of Alice, the function's value for every list of outcomes, its matrix if linear, and the figure."""

    settings: tuple[int, ...]
    labels: dict[tuple[int, ...], int]
    matrix: list[list[int]] | None
    distance: bool

    @property
    def values(self) -> int:
        return 1 << len(self.matrix) if self.matrix is not None else max(self.labels.values()) + 1


def recheck_boxes(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    question = record(root["question"], "the question", "boxes inputs function figure side model")
    figure = record(question["figure"], "the figure", "kind")
    kind = choice(figure["kind"], "the figure", ("guessing_probability", "distance_from_uniform"))
    choice(question["side"], "side", ("upper",))
    choice(record(question["model"], "the model", "kind")["kind"], "the model", ("no-signaling",))
    boxes = question["boxes"]
    shape = choice(
        boxes.get("kind") if type(boxes) is dict else None, "boxes", ("joint", "depolarised", "exchangeable")
    )
    proof = record(root["proof"], "the proof", "weights denominator")
    denominator = integer(proof["denominator"], "denominator", 1, LARGEST)
    distance = kind == "distance_from_uniform"
    check = {"joint": _joint, "depolarised": _depolarised, "exchangeable": _exchangeable}[shape]
    value, values = check(boxes, question, distance, proof["weights"], denominator, budget)
    claimed = number(record(root["claim"], "the claim", "value")["value"], "the claimed value")
    faults = within(claimed, 0, 1 - Fraction(1, values)) if distance else within(claimed, Fraction(1, values), 1)
    return Finding(kind, "upper", value, claimed, faults)


def _asked(question: dict[str, Any], settings: Sequence[tuple[int, int]], distance: bool) -> _Asked:
    """Inputs and function of so many boxes with these numbers of settings."""
    n = len(settings)
    inputs = []
    for pair, (u, v) in zip(items(question["inputs"], "inputs", n, n), settings, strict=True):
        first, second = items(pair, "inputs", 2, 2)
        inputs.append(integer(first, "an input", 0, u - 1))
        integer(second, "an input", 0, v - 1)
    function = question["function"]
    form = choice(function.get("kind") if type(function) is dict else None, "the function", ("table", "linear"))
    matrix = None
    if form == "table":
        given = items(record(function, "the function", "kind values")["values"], "values", 1 << n, 1 << n)
        labels = dict(
            zip(product((0, 1), repeat=n), (integer(v, "a value", 0, MOST_VALUES - 1) for v in given), strict=True)
        )
    else:
        rows = items(record(function, "the function", "kind matrix")["matrix"], "matrix", 6, 1)
        matrix = [[integer(bit, "a bit", 0, 1) for bit in items(row, "matrix", n, n)] for row in rows]
        labels = (
            {
                x: sum((sum(a * b for a, b in zip(row, x, strict=True)) % 2) << i for i, row in enumerate(matrix))
                for x in product((0, 1), repeat=n)
            }
            if n <= MOST_BOXES
            else {}
        )  # of more boxes the matrix is used, not the table
    found = _Asked(tuple(inputs), labels, matrix, distance)
    if found.values < 2:
        raise refuse("a function of one value has nothing to guess.")
    return found


def _distribution(values: object, name: str, count: int, denominator: object) -> tuple[list[int], int]:
    whole = integer(denominator, "a denominator", 1, LARGEST)
    found = [integer(v, name, 0, whole) for v in items(values, name, count, count)]
    if sum(found) != whole:
        raise refuse(f"{name} do not add up to one.")
    return found, whole


# -- any joint behaviour ----------------------------------------------------------------------------------------------


def _joint(
    boxes: dict[str, Any], question: dict[str, Any], distance: bool, weights: object, scale: int, budget: Budget
) -> tuple[Fraction, int]:
    record(boxes, "boxes", "kind settings coordinates denominator")
    pairs = [items(pair, "settings", 2, 2) for pair in items(boxes["settings"], "settings", 4, 1)]
    settings = [(integer(u, "settings", 1, 64), integer(v, "settings", 1, 64)) for u, v in pairs]
    sides = [k for pair in settings for k in pair]
    if prod(2 * k for k in sides) > MOST_ROWS:
        raise refuse(f"the boxes have more than {MOST_ROWS} joint probabilities.")
    asked = _asked(question, settings, distance)
    table, denominator = _probabilities(boxes, sides, budget)
    k = asked.values
    parts = _read_joint(weights, sides, 2 * k if distance else k, budget)
    gains = [_gain(asked, t) for t in range(k)]
    everything = {row: 1 for gain in gains for row in gain}  # f has some value: these add up to one
    bound = Fraction(0)
    if distance:
        for s in range(k):
            plus, minus = parts[2 * s], parts[2 * s + 1]
            left = _sum((k * scale, gains[s]), (-scale, everything), (k, plus), (-k, minus))
            if _on_strategies(left, sides, budget):
                raise refuse(f"the weights of value {s} do not add up to its gain.")
            bound += Fraction(sum(w * table[row] for row, w in minus.items()), scale * denominator)
        return bound, k
    sums = [_sum((scale, gain), (1, part)) for gain, part in zip(gains, parts, strict=True)]
    first = _on_strategies(sums[0], sides, budget)
    for t in range(1, k):
        if _on_strategies(sums[t], sides, budget) != first:
            raise refuse(f"the weights of values 0 and {t} prove no common bound.")
    return Fraction(sum(w * table[row] for row, w in sums[0].items()), scale * denominator), k


def _sum(*terms: tuple[int, Mapping[tuple[int, ...], int]]) -> Table:
    found: Table = {}
    for factor, table in terms:
        for row, value in table.items():
            found[row] = found.get(row, 0) + factor * value
    return found


def _gain(asked: _Asked, t: int) -> Table:
    """g_t as joint probabilities, an entry being 2 * setting + outcome; Bob's setting is 0."""
    return {
        tuple(entry for u, a, y in zip(asked.settings, x, ys, strict=True) for entry in (2 * u + a, y)): 1
        for x, label in asked.labels.items()
        if label == t
        for ys in product((0, 1), repeat=len(x))
    }


def _probabilities(boxes: dict[str, Any], sides: list[int], budget: Budget) -> tuple[Table, int]:
    """All joint probabilities, from coordinates: of each interface the identity, then outcome 0 for each setting."""
    denominator = integer(boxes["denominator"], "a denominator", 1, LARGEST)
    size = prod(1 + k for k in sides)
    given = items(boxes["coordinates"], "coordinates", size, size)
    values = [integer(v, "a coordinate", -LARGEST, LARGEST) for v in given]
    budget.spend(len(sides) * prod(2 * k for k in sides) * 2)
    table: Table = dict(zip(product(*(range(1 + k) for k in sides)), values, strict=True))
    if table[(0,) * len(sides)] != denominator:
        raise refuse("the boxes are not normalised.")
    for place in range(len(sides)):
        wider: Table = {}
        for index, value in table.items():
            own = index[place]
            if own:
                wider[(*index[:place], 2 * own - 2, *index[place + 1 :])] = value
                rest = table[(*index[:place], 0, *index[place + 1 :])]
                wider[(*index[:place], 2 * own - 1, *index[place + 1 :])] = rest - value
        table = wider
    if min(table.values()) < 0:
        raise refuse("the boxes have a negative probability.")
    return table, denominator


def _read_joint(weights: object, sides: list[int], count: int, budget: Budget) -> list[Table]:
    rows = list(product(*(range(2 * k) for k in sides)))
    found = []
    for part in items(weights, "weights", count, count):
        table: Table = {}
        for entry in items(part, "weights", len(rows)):
            place, weight = items(entry, "a weight", 2, 2)
            row = rows[integer(place, "the place of a weight", 0, len(rows) - 1)]
            if row in table:
                raise refuse("a weight is given twice.")
            table[row] = integer(weight, "a weight", 0, LARGEST)
        found.append(table)
    budget.spend(sum(map(len, found)))
    return found


def _on_strategies(table: Table, sides: list[int], budget: Budget) -> Table:
    """A functional's values at strategies that span: for each interface 0 says 0 always, s says 1 at s - 1."""
    for place, k in enumerate(sides):
        budget.spend(len(table) * (k + 1))
        wider: Table = {}
        for row, value in table.items():
            setting, outcome = divmod(row[place], 2)
            for strategy in range(k + 1):
                if (strategy == setting + 1) == bool(outcome):
                    key = (*row[:place], strategy, *row[place + 1 :])
                    wider[key] = wider.get(key, 0) + value
        table = wider
    return {key: value for key, value in table.items() if value}


# -- boxes that only err ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _OneBox:
    """Strategies of one box at which functionals are compared: ``types`` [strategy][type] and ``gain`` [strategy]."""

    types: tuple[tuple[int, ...], ...]
    gain: tuple[int, ...]


def _one_box(odd: bool, used: bool, guessed: int) -> _OneBox:
    """What types of entries are at strategies, each entry with its sign; from all entries of one box."""
    found = set()
    for answers in product((0, 1), repeat=4):  # Alice's outcomes for her settings, then Bob's
        types = [0] * (4 if used else 2)
        for u, v in product((0, 1), repeat=2):
            x, y = answers[u], answers[2 + v]
            e = x ^ y ^ (u & v)
            s = x if u == guessed else y ^ (guessed & v)
            types[2 * (u != guessed) + e if used else e] += -1 if odd and s else 1
        found.add((tuple(types), -1 if odd and answers[guessed] else 1))
    rows = sorted(found)  # strategies at which all is the same are one
    chosen = _independent([(*types, gain) for types, gain in rows])
    return _OneBox(tuple(rows[i][0] for i in chosen), tuple(rows[i][1] for i in chosen))


def _independent(rows: Sequence[Sequence[int]]) -> list[int]:
    """Places of rows that span all of them."""
    basis: list[tuple[int, list[Fraction]]] = []
    chosen = []
    for place, row in enumerate(rows):
        left = [Fraction(v) for v in row]
        for pivot, known in basis:
            factor = left[pivot] / known[pivot]
            left = [a - factor * b for a, b in zip(left, known, strict=True)]
        found = next((i for i, v in enumerate(left) if v), None)
        if found is not None:
            basis.append((found, left))
            chosen.append(place)
    return chosen


def _depolarised(
    boxes: dict[str, Any], question: dict[str, Any], distance: bool, weights: object, scale: int, budget: Budget
) -> tuple[Fraction, int]:
    record(boxes, "boxes", "kind patterns denominator")
    n = len(items(boxes["patterns"], "patterns", 1 << MOST_BOXES, 2)).bit_length() - 1
    patterns, whole = _distribution(boxes["patterns"], "patterns", 1 << n, boxes["denominator"])
    asked = _asked(question, [(2, 2)] * n, distance)
    if asked.matrix is None:
        raise refuse("only linear functions of depolarised boxes are known.")
    bits = len(asked.matrix)
    used = [any(row[i] for row in asked.matrix) for i in range(n)]
    shape = [4 if u else 2 for u in used]
    rows = list(product(*(range(size) for size in shape)))
    lists = items(weights, "weights", (2 if distance else 1) << bits, (2 if distance else 1) << bits)
    tables = [_read_types(part, rows) for part in lists]
    k, entries = 1 << bits, prod(4 if u else 8 for u in used)
    probability = {row: patterns[sum((t % 2) << (n - 1 - i) for i, t in enumerate(row))] for row in rows}
    signed = [_sum((1, tables[t]), (-1, tables[k + t])) for t in range(k)] if distance else tables
    for c in range(0 if distance else 1, k):
        odd = [sum((c >> i & 1) * row[place] for i, row in enumerate(asked.matrix)) % 2 == 1 for place in range(n)]
        ones = [_one_box(o, u, at) for o, u, at in zip(odd, used, asked.settings, strict=True)]
        hat = _sum(*(((-1) ** (c & t).bit_count(), table) for t, table in enumerate(signed)))
        left = _contracted(hat, ones, budget)
        gain = [prod(g) for g in product(*(one.gain for one in ones))] if c else [0] * len(left)
        if any(scale * entries * g + value for g, value in zip(gain, left, strict=True)):
            raise refuse("the weights do not add up to what Eve gains.")
    counted = tables[k:] if distance else tables
    total = sum(value * probability[row] for table in counted for row, value in table.items())
    mean = Fraction(total, scale * whole << n)
    return (mean, k) if distance else ((1 + mean) / k, k)


def _read_types(part: object, rows: list[tuple[int, ...]]) -> Table:
    table: Table = {}
    for entry in items(part, "weights", len(rows)):
        place, weight = items(entry, "a weight", 2, 2)
        row = rows[integer(place, "the place of a weight", 0, len(rows) - 1)]
        if row in table:
            raise refuse("a weight is given twice.")
        table[row] = integer(weight, "a weight", 0, LARGEST)
    return table


def _contracted(table: Table, ones: Sequence[_OneBox], budget: Budget) -> list[int]:
    """Values at all products of strategies, in order."""
    for place, one in enumerate(ones):
        budget.spend(len(table) * len(one.types))
        wider: Table = {}
        for row, value in table.items():
            for strategy, types in enumerate(one.types):
                if types[row[place]]:
                    key = (*row[:place], strategy, *row[place + 1 :])
                    wider[key] = wider.get(key, 0) + value * types[row[place]]
        table = wider
    return [table.get(key, 0) for key in product(*(range(len(one.types)) for one in ones))]


def _exchangeable(
    boxes: dict[str, Any], question: dict[str, Any], distance: bool, weights: object, scale: int, budget: Budget
) -> tuple[Fraction, int]:
    record(boxes, "boxes", "kind errors denominator")
    n = len(items(boxes["errors"], "errors", MOST_EQUAL + 1, 2)) - 1
    errors, whole = _distribution(boxes["errors"], "errors", n + 1, boxes["denominator"])
    asked = _asked(question, [(2, 2)] * n, distance)
    if asked.matrix != [[1] * n] or distance:
        raise refuse("of exchangeable boxes only the guess of the XOR of all is known.")
    tables = [_read_counts(part, n) for part in items(weights, "weights", 2, 2)]
    one, other = (_one_box(odd=True, used=True, guessed=u) for u in (0, 1))
    if one != other:  # pragma: no cover - renaming settings and outcomes takes one to the other
        raise refuse("the two settings of a box are not alike.")
    hat = _sum((1, tables[0]), (-1, tables[1]))
    for members in _multisets(n, len(one.types)):
        budget.spend(5000)
        lines: dict[tuple[int, ...], int] = {(0, 0, 0, 0): 1}
        for strategy, number_of in enumerate(members):
            for _ in range(number_of):
                lines = _times_line(lines, one.types[strategy])
        # lines has, for each counts, the sum over arrangements; a weight is shared among n! / (a! b! c! d!) of them
        value = sum(Fraction(w * lines.get(counts, 0), _arrangements(counts)) for counts, w in hat.items())
        if value + scale * 4**n * prod(g**m for g, m in zip(one.gain, members, strict=True)):
            raise refuse("the weights do not add up to what Eve gains.")
    total = Fraction(0)
    for table in tables:
        for counts, w in table.items():
            wrong = counts[1] + counts[3]
            total += Fraction(w * errors[wrong] * factorial(wrong) * factorial(n - wrong), factorial(n))
    return (1 + total / (scale * whole << n)) / 2, 2


def _read_counts(part: object, n: int) -> Table:
    table: Table = {}
    for entry in items(part, "weights", 5000):
        counts, weight = items(entry, "a weight", 2, 2)
        row = tuple(integer(c, "a count", 0, n) for c in items(counts, "counts", 4, 4))
        if sum(row) != n or row in table:
            raise refuse("the counts of a weight do not add up to the boxes, or are given twice.")
        table[row] = integer(weight, "a weight", 0, LARGEST)
    return table


def _times_line(polynomial: dict[tuple[int, ...], int], line: Sequence[int]) -> dict[tuple[int, ...], int]:
    found: dict[tuple[int, ...], int] = {}
    for counts, value in polynomial.items():
        for place, factor in enumerate(line):
            if factor:
                key = (*counts[:place], counts[place] + 1, *counts[place + 1 :])
                found[key] = found.get(key, 0) + value * factor
    return found


def _multisets(n: int, kinds: int) -> list[tuple[int, ...]]:
    """All ways to have n things of so many kinds."""
    if kinds == 1:
        return [(n,)]
    return [(first, *rest) for first in range(n + 1) for rest in _multisets(n - first, kinds - 1)]


def _arrangements(counts: Sequence[int]) -> int:
    return factorial(sum(counts)) // prod(factorial(c) for c in counts)
