"""The catalogue: every number that it has, found a second way."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.bell.catalogue.facts import FACTS
from sdpbound.bell.families.expressions import EXPRESSIONS, expression_named, read_name
from sdpbound.bell.families.lists import AVIS, SLIWA

AVIS_KEYS = [f"A{k}" for k in range(AVIS[0], AVIS[1] + 1)]
SLIWA_KEYS = [f"sliwa({k})" for k in range(SLIWA[0], SLIWA[1] + 1)]
OTHERS = [found.key for found in sb.inequalities() if found.key not in {*AVIS_KEYS, *SLIWA_KEYS}]
ALL = [*OTHERS, *AVIS_KEYS, *SLIWA_KEYS]


def test_every_expression_has_facts_and_every_key_is_a_name() -> None:
    assert set(FACTS) == set(EXPRESSIONS)
    keys = [found.key for found in sb.inequalities()]
    assert keys == ALL and len(set(keys)) == len(keys)
    for key in keys:
        found = sb.inequality(key)
        assert found.key == key and found.source and found.name
        assert found == expression_named(key)
        assert isinstance(found, sb.BellExpression) and type(found.expression) is sb.BellExpression
        assert type(2.0 * found) is sb.BellExpression


@pytest.mark.parametrize("key", ALL)
def test_local_maxima_and_order(key: str) -> None:
    """Enumeration agrees with what is said, and local <= quantum <= upper bound, no-signaling."""
    found = sb.inequality(key)
    assert found.local == pytest.approx(found.local_bound, abs=1e-12)
    assert found.quantum is not None
    assert found.local <= found.quantum.value + found.quantum.error + 1e-12
    assert found.quantum.side in ("exact", "lower")
    if found.quantum.side == "lower" and found.quantum_upper is not None:
        assert found.quantum.value - found.quantum.error <= found.quantum_upper.value + found.quantum_upper.error
    if found.no_signaling is not None:
        assert found.quantum.value <= found.no_signaling + 1e-9


@pytest.mark.parametrize(
    "key", [*AVIS_KEYS, *SLIWA_KEYS, "hardy", "i3322", "i4422", "inn22(5)", "cglmp(3)", "cglmp(4)"]
)
def test_facets(key: str) -> None:
    assert sb.is_facet(sb.inequality(key))


def test_what_is_no_facet() -> None:
    assert not sb.is_facet(sb.chained(3))
    assert not sb.is_facet(sb.elegant())
    assert not sb.is_facet(sb.chsh() + 0.1 * sb.BellExpression.from_correlators([[1, 0], [0, 0]]))
    with pytest.raises(sb.TooLarge, match="too many"):
        sb.is_facet(sb.inn22(12))


def test_the_46_classes_are_all_facets_of_their_polytope() -> None:
    """No relabelling takes one into another, and together they are the 53,856 facets that are known to exist."""
    own = []
    for swap, s, t in itertools.product((False, True), (1, -1), (1, -1)):
        m = np.zeros((3, 3), dtype=np.int64)
        m[0, 0] = 1
        m[1, 2 if swap else 1], m[2, 1 if swap else 2] = s, t
        own.append(m)
    moves = np.array([np.kron(np.kron(a, b), c) for a, b, c in itertools.product(own, repeat=3)])
    seen: set[bytes] = set()
    for key in SLIWA_KEYS:
        table = sb.inequality(key).coefficients.astype(np.int64)
        orbit = {
            row.tobytes()
            for order in itertools.permutations(range(3))
            for row in moves @ table.transpose(order).ravel()
        }
        assert not orbit & seen
        seen |= orbit
    assert len(seen) == 53_856


def no_signaling(key: str) -> None:
    found = sb.inequality(key)
    if found.no_signaling is not None:
        assert sb.maximize(found, sb.NoSignaling()).value == pytest.approx(found.no_signaling, abs=1e-7)


def reached(key: str, dimension: int, restarts: int) -> float:
    """What a see-saw reaches; never above what is said to be the maximum or a bound from above."""
    found = sb.inequality(key)
    value, _ = sb.see_saw(found, dimension, restarts, rng=1)
    top = found.quantum if found.quantum is not None and found.quantum.side == "exact" else found.quantum_upper
    if top is not None:
        assert value <= top.value + top.error + 1e-9
    return value


FEW = [
    "chsh",
    "hardy",
    "tilted_chsh(0.5)",
    "asymmetric_chsh(1.5)",
    "chained(4)",
    "i3322",
    "i4422",
    "inn22(5)",
    "cglmp(3)",
]
FEW += ["elegant", "magic_square", "chsh_d(3)", "mermin", "mabk(4)", "svetlichny(4)", "gyni(4)", "A14", "A42", "A89"]
FEW += ["sliwa(4)", "sliwa(7)", "sliwa(21)", "sliwa(46)"]


@pytest.mark.parametrize("key", FEW)
def test_no_signaling_maxima(key: str) -> None:
    no_signaling(key)


@pytest.mark.slow
@pytest.mark.parametrize("key", [key for key in ALL if key not in FEW])
def test_all_no_signaling_maxima(key: str) -> None:
    if math.prod(sb.inequality(key).scenario.shape) > 1000:
        pytest.skip("a program of too many variables")
    no_signaling(key)


SEARCHED = [("chsh", 2), ("hardy", 2), ("tilted_chsh(0.5)", 2), ("asymmetric_chsh(1.5)", 2), ("chained(4)", 2)]
SEARCHED += [("cglmp(3)", 3), ("elegant", 2), ("chsh_d(3)", 3), ("mermin", 2), ("mabk(4)", 2)]
SEARCHED += [("svetlichny(3)", 2), ("gyni(3)", 2), ("A2", 2), ("A5", 2), ("A9", 2)]
SEARCHED += [(f"sliwa({k})", 2) for k in (2, 4, 7, 12, 18, 23, 33, 46)]


@pytest.mark.parametrize("key, dimension", SEARCHED)
def test_quantum_values_are_reached(key: str, dimension: int) -> None:
    found = sb.inequality(key)
    assert found.quantum is not None
    assert reached(key, dimension, 12) == pytest.approx(found.quantum.value, abs=1e-7 + found.quantum.error)


LEVELS = [
    ("chsh", "1"),
    ("hardy", "1+AB"),
    ("tilted_chsh(0.5)", "1+AB"),
    ("asymmetric_chsh(1.5)", "1"),
    ("chained(4)", "1"),
]
LEVELS += [
    ("cglmp(3)", "1+AB"),
    ("elegant", "1"),
    ("magic_square", "1"),
    ("mermin", "2"),
    ("mabk(3)", "2"),
    ("A2", "1"),
]
LEVELS += [("svetlichny(3)", "2"), ("chsh_d(2)", "1"), ("gyni(3)", "3"), ("sliwa(10)", "3")]


@pytest.mark.parametrize("key, level", LEVELS)
def test_exact_values_are_bounds_at_a_level(key: str, level: str) -> None:
    found = sb.inequality(key)
    assert found.quantum is not None
    bound = sb.maximize(found, sb.Quantum(level)).value
    assert found.quantum.value - found.quantum.error <= bound
    assert bound == pytest.approx(found.quantum.value, abs=1e-6 + found.quantum.error)


def above(key: str) -> None:
    """The level that is named proves the bound that is printed."""
    upper = sb.inequality(key).quantum_upper
    assert upper is not None
    level = upper.source.split()[1]
    assert sb.maximize(sb.inequality(key), sb.Quantum(level)).value == pytest.approx(upper.value, abs=2e-6)


@pytest.mark.parametrize("key", ["A6", "A9", "i4422", "cglmp(4)", "chsh_d(3)", "sliwa(4)", "sliwa(7)", "sliwa(18)"])
def test_bounds_from_above(key: str) -> None:
    above(key)


@pytest.mark.slow
@pytest.mark.parametrize("key", [*AVIS_KEYS, *SLIWA_KEYS])
def test_all_of_the_lists(key: str) -> None:
    """Searches stay below what is known, and levels up to 2 are what is printed where one is named."""
    reached(key, 2, 10)
    upper = sb.inequality(key).quantum_upper
    if upper is not None and upper.source.split()[1] in ("1", "2"):
        above(key)


#: Searches as they were made for the catalogue: dimension, restarts, seed.
SEARCHES = [(2, 30, 2), (3, 12, 3), (4, 8, 4), (3, 60, 103), (4, 60, 104), (5, 30, 105)]
FOUND = [k for k in ALL if (known := sb.inequality(k).quantum) is not None and known.source.startswith("see-saw")]


@pytest.mark.slow
@pytest.mark.parametrize("key", FOUND)
def test_searched_values_are_found_again(key: str) -> None:
    """One of the searches reaches what is printed as reached."""
    found = sb.inequality(key)
    assert found.quantum is not None
    searches = SEARCHES
    if key.startswith("sliwa"):
        searches = [(2, 40, 2), (3, 10, 3)]
    elif key.startswith(("inn22", "i4422")):
        searches = [(d, 30, 7 + d) for d in (3, 4)]
    elif key.startswith("chsh_d"):
        searches = [(found.scenario.outcomes[0][0], 10, seed) for seed in range(3)]
    best = -math.inf
    for dimension, restarts, seed in searches:
        best = max(best, sb.see_saw(found, dimension, restarts, seed)[0])
        if best >= found.quantum.value - 1e-8:
            break
    assert best >= found.quantum.value - 1e-8
    assert found.quantum_upper is None or best <= found.quantum_upper.value + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("key", ["inn22(5)", "inn22(6)", "cglmp(5)", "cglmp(6)"])
def test_larger_bounds_from_above(key: str) -> None:
    above(key)


@pytest.mark.slow
@pytest.mark.parametrize("key", [k for k in SLIWA_KEYS if k not in ("sliwa(1)", "sliwa(10)")])
def test_all_of_sliwa_from_above(key: str) -> None:
    above(key)


def test_known_closed_forms() -> None:
    assert float(sb.inequality("cglmp(3)").quantum) == pytest.approx(1.0 + math.sqrt(11.0 / 3.0))  # type: ignore[arg-type]
    assert float(sb.inequality("sliwa(18)").quantum) == pytest.approx(2.0 * (7.0 - math.sqrt(17.0)), abs=1e-8)  # type: ignore[arg-type]
    assert float(sb.inequality("cglmp(4)").quantum) == pytest.approx(2.9727, abs=5e-5)  # type: ignore[arg-type]
    assert float(sb.inequality("A2").quantum) == pytest.approx((math.sqrt(2.0) - 1.0) / 2.0, abs=5e-8)  # type: ignore[arg-type]


def test_cglmp_grows_with_d_and_stays_below_no_signaling() -> None:
    values = [float(sb.inequality(f"cglmp({d})").quantum) for d in range(2, 9)]  # type: ignore[arg-type]
    assert all(low < high < 4.0 for low, high in itertools.pairwise(values))


def test_relabelled_expressions_are_those_they_are_said_to_be() -> None:
    """inn22(3) and I3322, inn22(2) and Clauser-Horne, MABK(3) and Mermin: the same maxima."""
    for first, second, factor in (
        (sb.inn22(3), sb.i3322(), 1.0),
        (sb.inn22(2), sb.hardy(), 1.0),
        (sb.mermin(), sb.mabk(3), 2.0),
    ):
        for model in (sb.Local(), sb.NoSignaling(), sb.Quantum("2")):
            one, other = sb.maximize(first, model).value, factor * sb.maximize(second, model).value
            assert one == pytest.approx(other, abs=1e-6)


def test_chsh_d_of_two_is_the_game() -> None:
    chsh = sb.BellExpression.from_correlators([[1, 1], [1, -1]])
    assert np.allclose((8.0 * sb.chsh_d(2) - 4.0).coefficients, chsh.coefficients)


def test_the_magic_square_is_won_by_two_pairs_of_qubits() -> None:
    """Peres and Mermin's square with its last row negated: rows multiply to 1, columns to -1."""
    one, x, z = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
    top = [np.kron(one, z), np.kron(z, one), np.kron(z, z)]
    middle = [np.kron(x, one), np.kron(one, x), np.kron(x, x)]
    square = [top, middle, [-a @ b for a, b in zip(top, middle, strict=True)]]

    def measured(line: list[np.ndarray]) -> np.ndarray:
        """Outcome o: the first two signs are those of the bits of o, the third follows."""
        return np.array(
            [(np.eye(4) + (-1) ** (o // 2) * line[0]) @ (np.eye(4) + (-1) ** (o % 2) * line[1]) / 4.0 for o in range(4)]
        )

    alice = tuple(measured(row) for row in square)
    bob = tuple(measured([square[i][y].T for i in range(3)]) for y in range(3))
    strategy = sb.Strategy(np.eye(4).ravel() / 2.0, (alice, bob))
    assert sb.magic_square().value(strategy.behaviour()) == pytest.approx(1.0, abs=1e-12)


def test_hardy_paradox() -> None:
    """With the three zeros tested, quantum devices reach (5 sqrt(5) - 11)/2 and local ones nothing."""
    zeros = []
    for place in ((0, 1, 0, 1), (1, 0, 1, 0), (0, 0, 1, 1)):
        table = np.zeros((2, 2, 2, 2))
        table[place] = 1.0
        zeros.append((sb.BellExpression.from_probabilities(table), 0.0))
    data = sb.Observations.bell_values(zeros)
    bound = sb.maximize(sb.hardy(), sb.Quantum("2"), observed=data).value
    assert bound == pytest.approx((5.0 * math.sqrt(5.0) - 11.0) / 2.0, abs=1e-4)
    assert sb.maximize(sb.hardy(), sb.Local(), observed=data).value == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    "text, name, numbers",
    [
        ("A14", "avis", [14]),
        ("a2", "avis", [2]),
        ("I5522", "inn22", [5]),
        ("I_7722", "inn22", [7]),
        ("i101022", "inn22", [10]),
        ("I3322", "i3322", []),
        ("CGLMP4", "cglmp", [4]),
        ("Sliwa 18", "sliwa", [18]),
        ("svetlichny_3", "svetlichny", [3]),
        ("tilted_chsh(0.5, 1.2)", "tilted_chsh", [0.5, 1.2]),
    ],
)
def test_names(text: str, name: str, numbers: list[float]) -> None:
    assert read_name(text) == (name, numbers)


@pytest.mark.parametrize(
    "name, error, match",
    [
        ("A1", sb.InvalidParameter, "from 2 to 89"),
        ("A90", sb.InvalidParameter, "from 2 to 89"),
        ("sliwa(47)", sb.InvalidParameter, "from 1 to 46"),
        ("mabk(2)", sb.InvalidParameter, "from 3 to 8"),
        ("cglmp", sb.InvalidInput, "takes d"),
        ("chsh_d(2.5)", sb.InvalidParameter, "integer from 2"),
        ("svetlichni(3)", sb.InvalidInput, "did you mean 'svetlichny'"),
        ("inn22(10000000)", sb.InvalidParameter, "from 2 to 1000"),
    ],
)
def test_names_that_are_none(name: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        sb.inequality(name)


def test_more_outcomes_than_can_be_enumerated_have_no_local_value() -> None:
    assert sb.inequality("chsh_d(6)").local == pytest.approx(sb.chsh_d(6).local_bound)
    found = sb.inequality("chsh_d(12)")
    assert found.local is None and found.quantum is None and found.no_signaling == 1.0


def test_known_values_are_checked() -> None:
    with pytest.raises(sb.InvalidParameter, match="exact, lower or upper"):
        sb.KnownValue(1.0, "above", "")
    with pytest.raises(sb.InvalidParameter, match="at least 0"):
        sb.KnownValue(1.0, "exact", "", -1.0)
