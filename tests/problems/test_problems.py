"""Problems of operators against values known otherwise: closed forms, diagonalised matrices, the Bell programs."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.problems import Operator, Polynomial, Problem, ProblemBound, fermions, spins
from sdpbound.recheck import recheck

x, y = Operator.hermitians("x y")
A0, A1 = Operator.observables("A0 A1", party="A")
B0, B1 = Operator.observables("B0 B1", party="B")
CHSH = A0 * B0 + A0 * B1 + A1 * B0 - A1 * B1
P = Operator.projectors("P0 P1 P2", party="A")
Q = Operator.projectors("Q0 Q1 Q2", party="B")
I3322 = P[0] * (Q[0] + Q[1] + Q[2]) + P[1] * (Q[0] + Q[1] - Q[2]) + P[2] * (Q[0] - Q[1]) - P[0] - 2 * Q[0] - Q[1]
X, Y = Operator.observables("X Y")
E, F, G = Operator.projectors("E F G")
(U,) = Operator.unitaries("U")
(BOSON,) = Operator.general("a")
UNIT = Operator.imaginary()
C, D = Operator.measured("C", 3, "A"), Operator.measured("D", 3, "B")
(AU, AD, BU, BD), FERMI = fermions("au ad bu bd")


def number(*modes: Operator) -> Polynomial:
    return sum((mode.adjoint * mode for mode in modes), start=0 * modes[0])


def hubbard(u: float) -> Polynomial:
    hopping = AU.adjoint * BU + BU.adjoint * AU + AD.adjoint * BD + BD.adjoint * AD
    return -hopping + u * (number(AU) * number(AD) + number(BU) * number(BD))


def heisenberg(sites: int) -> tuple[Problem, Polynomial, float]:
    """A ring of spins, and its ground state energy by diagonalisation."""
    unit, spin, rules = spins(sites)
    energy = sum(
        (a * b for j in range(sites) for a, b in zip(spin[j], spin[(j + 1) % sites], strict=True)), start=0 * unit
    )
    pauli = [np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])]
    matrix = np.zeros((2**sites, 2**sites), dtype=complex)
    for j in range(sites):
        for s in pauli:
            whole = np.eye(1)
            for k in range(sites):
                whole = np.kron(whole, s if k in (j, (j + 1) % sites) else np.eye(2))
            matrix += whole
    return (
        Problem([unit, *(o for site in spin for o in site)], rules=rules),
        energy,
        float(np.linalg.eigvalsh(matrix)[0]),
    )


RING = heisenberg(3)

#: Problem, objective, "max" or "min", level, value, how close, source.
KNOWN: dict[str, tuple[Callable[[], Problem], Polynomial, str, object, float, float, str]] = {
    "CHSH": (lambda: Problem([A0, A1, B0, B1]), CHSH, "max", "1", 8**0.5, 1e-8, "Tsirelson"),
    "CHSH, a hand's words": (
        lambda: Problem([A0, A1, B0, B1]), CHSH, "max", [1, A0, A1, B0, B1, A0 * B0], 8**0.5, 1e-7, "Tsirelson",
    ),
    "Pironio, Navascues, Acin": (
        lambda: Problem([x, y], rules=[(x * x, x)], inequalities=[-y * y + y + Fraction(1, 2)]),
        x * y + y * x, "min", 2, -0.75, 1e-6, "arXiv:0903.4368, section 4",
    ),
    "the same, level 1": (
        lambda: Problem([x, y], rules={x * x: x}, inequalities=[-y * y + y + 0.5]),
        x * y + y * x, "min", 1, -0.75, 1e-6, "arXiv:0903.4368, section 4",
    ),
    "I3322, 1+AB": (lambda: Problem([*P, *Q]), I3322, "max", "1+AB", 0.2514709, 1e-6, "arXiv:1006.3032"),
    "I3322, 2": (lambda: Problem([*P, *Q]), I3322, "max", 2, 0.2509397, 1e-6, "arXiv:1006.3032"),
    "a disc": (
        lambda: Problem([x, y], commuting=[(x, y)], inequalities=[1 - x * x - y * y]), x * y, "max", 1, 0.5, 1e-6,
        "calculus",
    ),
    "a circle": (
        lambda: Problem([x, y], equalities=[x * x + y * y - 1, x * y - y * x]), x * y, "max", 2, 0.5, 1e-6, "calculus",
    ),
    "no constraints": (lambda: Problem([x, y]), (x - y) ** 2 + (y - 1) ** 2 + x, "min", 2, 0.5, 1e-6, "calculus"),
    "a parabola": (lambda: Problem([x]), x - x * x, "max", 2, 0.25, 1e-6, "calculus; x^4 is idle"),
    "anticommuting": (lambda: Problem([X, Y], rules=[(Y * X, -X * Y)]), X + Y, "max", 1, 2**0.5, 1e-7, "(X + Y)^2 = 2"),
    "projectors that add up to 1": (
        lambda: Problem([E, F, G], equalities=[E + F + G - 1]), E * F + F * E, "max", 2, 0.0, 1e-6, "orthogonal then",
    ),
    "a unitary": (lambda: Problem([U]), U + U.adjoint, "max", 1, 2.0, 1e-7, "its norm"),
    "spins": (lambda: RING[0], RING[1], "min", 2, RING[2], 1e-6, "diagonalised"),
    "Hubbard, two sites, two electrons": (
        lambda: Problem([AU, AD, BU, BD], rules=FERMI, moments=[(number(AU, AD, BU, BD), 2, 2)]),
        hubbard(4.0), "min", 2, (4 - 32**0.5) / 2, 1e-6, "(U - sqrt(U^2 + 16 t^2)) / 2",
    ),
    "a displaced oscillator": (
        lambda: Problem([BOSON], rules=[(BOSON * BOSON.adjoint, BOSON.adjoint * BOSON + 1)]),
        BOSON.adjoint * BOSON + (BOSON + BOSON.adjoint) / 2, "min", 1, -0.25, 1e-6, "a square is completed",
    ),
    "position and momentum": (
        lambda: Problem([UNIT, x, y], rules=[(y * x, x * y - UNIT)]),
        (x * x + y * y) / 2, "min", 1, 0.5, 1e-6, "the oscillator",
    ),
    "an interval of a moment": (
        lambda: Problem([x], inequalities=[1 - x * x], moments=[(x, -1, 0.3), (x * x, 0.25, 0.5)]),
        x * 1, "max", 1, 0.3, 1e-6, "the interval",
    ),
    "measurements of three outcomes": (
        lambda: Problem([*C, *D]), C[0] * D[0], "max", "1+AB", 1.0, 1e-7, "a probability",
    ),
}  # fmt: skip


def checked(bound: ProblemBound) -> None:
    """Both checkers find the value again, exactly."""
    data = bound.certificate.data
    first, second = sb.verify(data), recheck(data)
    assert first.holds and second.holds, (first.message, second.reason)
    assert first.value == bound.value and first.side == second.side == bound.side
    assert second.proven is not None and abs(float(second.proven) - bound.value) <= 1e-15 * max(1.0, abs(bound.value))


@pytest.mark.parametrize("name", KNOWN)
def test_known_values(name: str) -> None:
    problem, objective, which, level, value, close, _ = KNOWN[name]
    made = problem()
    bound = made.maximize(objective, level) if which == "max" else made.minimize(objective, level)
    sign = 1 if which == "max" else -1
    assert isinstance(bound, sb.Bound) and bound.side == ("upper" if which == "max" else "lower")
    assert -5e-8 <= sign * (bound.value - value) <= close
    checked(bound)


def test_norms_and_numbers_are_exact() -> None:
    problem = Problem([A0, A1, B0, B1])
    assert problem.maximize(A0 * B0, 1).value == 1.0 and problem.minimize(2 * A0, 1).value == -2.0
    assert problem.maximize(A0 * A0 + 2, 1).value == 3.0 and Problem([x]).minimize(x * 0 + 2, 1).value == 2.0


def test_steering_and_routing() -> None:
    """One device trusted, two devices of Bob that do not commute, and two that do (Toner and Verstraete)."""
    unit, ((px, py, pz),), rules = spins(1)
    steered, letters = A0 * px + A1 * pz, [unit, A0, A1, px, py, pz]
    party = {"rules": rules, "commuting": [(a, s) for a in (A0, A1) for s in (px, py, pz)]}
    assert Problem(letters, **party).maximize(steered, 1).value == pytest.approx(2.0, abs=1e-6)
    unsteered = {**party, "commuting": [*party["commuting"], (A0, A1)]}
    assert Problem(letters, **unsteered).maximize(steered, "2").value == pytest.approx(2**0.5, abs=1e-6)
    near, far = Operator.observables("B0 B1", party="B"), Operator.observables("C0 C1", party="B")
    tests, goal = (A0 * (o[0] + o[1]) + A1 * (o[0] - o[1]) for o in (near, far))
    routed = Problem([A0, A1, *near, *far], moments=[(tests, 2.8, None)])
    assert routed.maximize(goal, "1+AB").value == pytest.approx(8**0.5, abs=1e-6)
    apart = Problem([A0, A1, *near, *far], moments=[(tests, 2.8, None)], commuting=[(n, f) for n in near for f in far])
    bound = apart.maximize(goal, "1+AB")
    assert bound.value == pytest.approx((8 - 2.8**2) ** 0.5, abs=1e-6)
    checked(bound)


def test_effects_commute() -> None:
    """Effects of measurements in ``commuting``: the rules are those of the operators in them, adjoints left out."""
    unit, ((px, py, pz),), rules = spins(1)
    first, second = Operator.measured("M0", 2), Operator.measured("M1", 2)
    letters = [unit, px, py, pz, *first, *second]
    pairs = [(s, m) for s in (px, py, pz) for m in (*first, *second)]
    problem = Problem(letters, rules=rules, commuting=pairs)
    operators = [m.operators[0] for m in (first[0], second[0])]
    plain = Problem(letters, rules=rules, commuting=[(s, m) for s in (px, py, pz) for m in operators])
    assert problem.commuting == plain.commuting and problem.algebra.stated == plain.algebra.stated
    bound = problem.maximize((first[0] - first[1]) * px + (second[0] - second[1]) * pz, 1)
    assert 2.0 <= bound.value < 2.0 + 1e-6
    checked(bound)
    assert Problem(letters, commuting=[(px, first[1])]).commuting == ((px, operators[0]),)
    three = Operator.measured("T", 3)
    own = Problem([x, *three], commuting=[(x, t) for t in three])
    assert own.commuting == ((x, three[0].operators[0]), (x, three[1].operators[0]))
    assert Problem([x, U], commuting=[(x, U.adjoint)]).commuting == ((x, U),)


def test_rules_that_undo_each_other() -> None:
    """What follows is taken in place of rules that would be used for ever: x y = -x y is x y = 0."""
    for rules in ([(y * x, x * y), (y * x, -x * y)], [(y * x, x * y), (x * y, -y * x)]):
        problem = Problem([x, y], rules=rules, inequalities=[1 - x * x - y * y])
        assert not problem.algebra.rewriting.reduce(tuple(map(problem.algebra.numbers.__getitem__, (x, y))))
        bound = problem.maximize(x + y, 1)
        assert bound.value == pytest.approx(1.0, abs=1e-6)  # one of the two is 0 on each vector
        checked(bound)
    there_and_back = Problem([X, Y], rules=[(Y * X, X * Y), (X * Y, Y * X)])
    assert len(there_and_back.algebra.stated) == len(Problem([X, Y], rules=[(Y * X, X * Y)]).algebra.stated)


@pytest.mark.parametrize("seed", range(4))
def test_normal_forms_of_the_kinds(seed: int) -> None:
    """They are idempotent, and do not depend on how a word is put together; nor does that of its adjoint."""
    letters = [
        *Operator.observables("A0 A1", party="A"),
        *Operator.unitaries("U", party="A"),
        *Operator.measured("B0", 4, party="B"),
        *Operator.projectors("B1", party="B"),
        *Operator.general("g"),
        Operator.imaginary(),
    ]
    rewriting = Problem(letters).algebra.rewriting
    count = len(Problem(letters).algebra.letters)
    rng = np.random.default_rng(seed)
    for _ in range(200):
        word = tuple(int(i) for i in rng.integers(0, count, size=rng.integers(1, 9)))
        form = rewriting.reduce(word)
        assert rewriting.reduced(form) == form
        cut = int(rng.integers(0, len(word) + 1))
        parts = [rewriting.reduce(word[:cut]), rewriting.reduce(word[cut:])]
        product = {
            u + v: a * b for u, a in parts[0].items() for v, b in parts[1].items()
        }  # fmt: skip
        assert rewriting.reduced(product) == form
        turned = {rewriting.adjoint(w): value for w, value in form.items()}
        assert rewriting.reduced(turned) == rewriting.reduce(rewriting.adjoint(word))


def test_the_bell_programs_agree() -> None:
    """The same question as a Bell expression, by the other road."""
    other = sb.maximize(sb.cglmp(3), sb.Quantum("1+AB"))
    a = [Operator.measured(f"A{k}", 3, "A") for k in range(2)]
    b = [Operator.measured(f"B{k}", 3, "B") for k in range(2)]

    def equal(one: tuple[Polynomial, ...], two: tuple[Polynomial, ...], shift: int) -> Polynomial:
        return sum((one[(k + shift) % 3] * two[k] for k in range(3)), start=Polynomial())

    # quant-ph/0106024, Eq. (3): P(A1=B1) + P(B1=A2+1) + P(A2=B2) + P(B2=A1) less the same with the shifts moved
    expression = (
        equal(a[0], b[0], 0) + equal(b[0], a[1], 1) + equal(a[1], b[1], 0) + equal(b[1], a[0], 0)
        - equal(a[0], b[0], -1) - equal(b[0], a[1], 0) - equal(a[1], b[1], -1) - equal(b[1], a[0], -1)
    )  # fmt: skip
    bound = Problem([*a[0], *a[1], *b[0], *b[1]]).maximize(expression, "1+AB")
    assert abs(bound.value - other.value) < 1e-6
    checked(bound)


@pytest.mark.parametrize("seed", range(3))
def test_no_operators_do_better(seed: int) -> None:
    """Random matrices with the properties stated: their means never exceed the bound."""
    rng = np.random.default_rng(seed)
    problem = Problem([x, y], inequalities=[1 - x * x, 1 - y * y + x])
    objective = sum(
        (float(c) * w for c, w in zip(rng.normal(size=5), (x, y, x * y + y * x, x * x, y * x * y), strict=True)),
        start=Polynomial(),
    )
    bound = problem.maximize(objective, 2)
    checked(bound)
    for _ in range(200):
        n = int(rng.integers(1, 5))
        a = _hermitian(rng, n)
        a /= max(1e-9, float(np.linalg.norm(a, 2))) / rng.uniform(0, 1)
        b = _hermitian(rng, n)
        root = _root(np.eye(n) + a)
        b = root @ b @ root
        b /= max(1.0, math.sqrt(float(np.linalg.eigvalsh(_solved(np.eye(n) + a, b @ b))[-1])))
        if np.linalg.eigvalsh(np.eye(n) + a - b @ b)[0] < 0:
            continue
        value = _evaluated(objective, {x: a, y: b})
        assert float(np.linalg.eigvalsh((value + value.conj().T) / 2)[-1]) <= bound.value + 1e-9


def _hermitian(rng: np.random.Generator, n: int) -> np.ndarray:
    m = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    return m + m.conj().T


def _root(m: np.ndarray) -> np.ndarray:
    w, v = np.linalg.eigh(m)
    return (v * np.sqrt(np.maximum(w, 0))) @ v.conj().T


def _solved(m: np.ndarray, b: np.ndarray) -> np.ndarray:
    w, v = np.linalg.eigh(m)
    inverse = (v / np.sqrt(np.maximum(w, 1e-9))) @ v.conj().T
    return inverse @ b @ inverse


def _evaluated(polynomial: Polynomial, values: dict[Operator, np.ndarray]) -> np.ndarray:
    n = len(next(iter(values.values())))
    total = np.zeros((n, n), dtype=complex)
    for word, factor in polynomial.terms.items():
        product = np.eye(n, dtype=complex)
        for operator in word:
            product = product @ values[operator]
        total += float(factor) * product
    return total


def test_conditions_that_cannot_be_met() -> None:
    with pytest.raises(sb.Infeasible) as found:
        Problem([x], inequalities=[x - 1], moments=[(x, 0, 0.5)]).maximize(x, 1)
    assert found.value.separation > 0.1
    assert sb.verify(found.value.certificate.data).holds and recheck(found.value.certificate.data).holds
    with pytest.raises(sb.Infeasible) as found:  # [x, y] = 1 for Hermitian operators
        Problem([x, y], equalities=[x * y - y * x - 1]).maximize(x, 1)
    assert recheck(found.value.certificate.data).proven == -1
    with pytest.raises(sb.Infeasible):  # particle number is not a number: it does not commute with a
        own = [rule for rule in FERMI if "b" not in str(rule[0])]
        Problem([AU, AD], rules=own, equalities=[number(AU, AD) - 1]).minimize(number(AU), 2)


def test_a_rule_that_follows() -> None:
    """x y = y and y x = x make x x = x: normal forms need that rule, and the certificate says why it holds."""
    u, v = Operator.hermitians("u v")
    problem = Problem([u, v], rules=[(u * v, v), (v * u, u)])
    assert len(problem.algebra.derived) >= 1
    bound = problem.maximize(u + v, 1)  # u = u v u .. all are one projector: u + v = 2 u
    assert bound.value == pytest.approx(2.0, abs=1e-5)
    checked(bound)


def test_sizes_are_said_before() -> None:
    operators = Operator.observables(" ".join(f"A{k}" for k in range(12)))
    problem = Problem(operators)
    assert str(problem.size(2)).startswith("level 2: a matrix of 145 words")
    with pytest.raises(sb.TooLarge, match=r"level 3 has 1597 words.*level 1 fits \(13 words"):
        problem.maximize(operators[0] * 1, 3, memory=1e7)
    for call in (problem.size, lambda level: problem.maximize(operators[0] * 1, level)):
        with pytest.raises(sb.TooLarge, match=r"more than 2000 words, which may need .* GB and more; level \d fits \("):
            call(5)


def test_what_cannot_be_read() -> None:
    z = Operator("z")
    for call, sentence in (
        (lambda: Problem([x, y], rules=[(x * y, 1), (y * x, -1)]), "contradict each other"),
        (lambda: Problem([A0], rules=[(A0 * 1, 0)]), "contradict each other"),
        (lambda: Problem([x], rules=[(x * x, x * x * x)]).maximize(x, 2), "do not end"),
        (lambda: Problem([x]).maximize(x + z, 1), "z, which the problem does not have"),
        (lambda: Problem([x]).maximize(x, [x, z]), "z, which the problem does not have"),
        (lambda: Problem([x], equalities=[z]), "z, which the problem does not have"),
        (lambda: Problem([x], rules=[(x + z, 1)]), "z, which the problem does not have"),
        (lambda: Problem([x, y], rules=[(x + y, 1)]), "must be one word"),
        (lambda: Problem([x, y], inequalities=[x * y]), "not Hermitian"),
        (lambda: Problem([A0], inequalities=[-A0 * A0]), "which is false"),
        (lambda: Problem([A0], equalities=[A0 * A0 - 2]), "which is false"),
        (lambda: Problem([x], moments=[(x, 1, 0)]), "swap them"),
        (lambda: Problem([x], moments=[(x, None, None)]), "no finite end"),
        (lambda: Problem([x], moments=[(x, math.nan, 1)]), "nan"),
        (lambda: Problem([x, Operator("x", "projector")]), "two operators have the name 'x'"),
        (lambda: Problem([]), "1 to 200 operators"),
        (lambda: Problem([A0, B0]).maximize(A0, "1+AC"), "cannot be read"),
        (lambda: Problem([A0, B0]).maximize(A0, [A0 + B0]), "one product"),
        (lambda: Operator("1x"), "letter first"),
        (lambda: Problem([x]).maximize(x, 1.5), "level = 1.5 must be like 1"),
        (lambda: Problem([x]).maximize(x, None), "level = None must be like 1"),
        (lambda: 2j * x, "complex"),
        (
            lambda: Problem([A0, A1], rules=[(A1 * A0, A0 * A1), (A1 * A0, -A0 * A1)]),
            r"contradict each other: from A1\*A0 = A0\*A1 and A1\*A0 = -A0\*A1, .* one of these rules",
        ),
        (lambda: Problem([A0, A1], rules=[(A1 * A0, A0 * A1), (A0 * A1, -A1 * A0)]), "contradict each other: from"),
        (
            lambda: Problem([A0, A1], rules=[(A1 * A0, A0 * A1), (A0 * A1, 2 * A1 * A0)]),
            r"from A0\*A1 = 2\*A1\*A0, .* this rule",
        ),
        (lambda: Problem([X, Y], rules=[(Y * X, X * Y + 1)]), r"from Y\*X = 1 \+ X\*Y, their adjoints"),
        (
            lambda: Problem([A0, A1], equalities=[A0 * A1 - 1, A0 * A1 + 1]),
            r"-1 \+ A0\*A1 = 0 and 1 \+ A0\*A1 = 0 contradict each other: .* 1 = 0",
        ),
        (
            lambda: Problem([X, Y, E], equalities=[E - X, X * Y - Y * X, Y * X - 3, X * Y - 2]),
            "equalities X[*]Y - Y[*]X = 0, -3 [+] Y[*]X = 0 and -2 [+] X[*]Y = 0 contradict",
        ),
        (lambda: Problem([x], commuting=[(x, z)]), "z, which the problem does not have"),
        (lambda: Problem([x, *C], commuting=[(x, C[2])]), "give a pair for each operator"),
        (lambda: Problem([x, y], commuting=[(x * y, y)]), r"with the product x\*y"),
        (lambda: Problem([x, y], commuting=[(x, 1)]), "with 1; each entry must be a pair"),
        (lambda: Problem([x, y], commuting=[x]), r"such as \(x, y\)"),
    ):  # fmt: skip
        with pytest.raises(sb.InvalidInput, match=sentence):
            call()
    with pytest.raises(sb.SolverFailure, match="may be unbounded"):
        Problem([x]).maximize(x * x, 1)


def test_polynomials() -> None:
    u = Operator("u", "unitary")
    expression = (2 * x * u - 1) ** 2 / 2
    assert str(expression) == "1/2 - 2*x*u + 2*x*u*x*u"
    assert expression.adjoint.adjoint == expression and expression.degree == 4
    assert (u.adjoint * x).adjoint == x * u and set(expression.operators) == {x, u}
    assert (x + y) - y == x * 1 and hash(x + y) == hash(y + x)
    assert (A0 * B1 * 3).latex() == r"3\,A_{0} B_{1}"
