"""Cases of the test suites of other libraries, put to this one: their values, which are theirs or exact."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.problems import Operator, Polynomial, Problem, fermions, spins
from sdpbound.recheck import recheck

A0, A1 = Operator.observables("A0 A1", party="A")
B0, B1 = Operator.observables("B0 B1", party="B")
x, y, z = Operator.hermitians("x y z")
(U,) = Operator.unitaries("U")
HUMPS = 4 * x * x + x * y - 4 * y * y - 2.1 * x * x * x * x + 4 * y * y * y * y + x * x * x * x * x * x * (1 / 3)


def max_cut() -> sb.Bound:
    weights = np.diag(np.ones(8), 1) + np.diag(np.ones(7), 2) + np.diag([1, 1], 7) + np.diag([1], 8)
    weights = weights + weights.T
    q = (np.diag(weights.sum(axis=0)) - weights) / 4
    bits = Operator.observables(" ".join(f"x{k}" for k in range(9)))
    pairs = [(bits[i], bits[j]) for i in range(9) for j in range(i)]
    energy = sum((float(q[i, j]) * bits[i] * bits[j] for i in range(9) for j in range(9)), start=0 * bits[0])
    return Problem([*bits], commuting=pairs).minimize(-energy, 1)


def oscillators() -> sb.Bound:
    modes = Operator.general("a0 a1 a2")
    rules = [(a * a.adjoint, 1 + a.adjoint * a) for a in modes]
    pairs = [(a, b) for i, a in enumerate(modes) for b in modes[:i]]
    energy: Polynomial = sum((a.adjoint * a for a in modes), start=0 * modes[0])
    return Problem([*modes], rules=rules, commuting=pairs).minimize(energy, 1)


def monogamy_game() -> sb.Bound:
    """A referee measures Z or X of a qubit, and both players must guess the outcome (arXiv:1210.4359)."""
    unit, ((X, Y, Z),), rules = spins(1)
    terms = [
        0.0625 * ((1 + s * spin) * (1 + s * a) * (1 + s * b))
        for spin, a, b in ((Z, A0, B0), (X, A1, B1))
        for s in (1, -1)
    ]
    letters = (A0, A1, B0, B1)
    problem = Problem([unit, X, Y, Z, *letters], rules=rules, commuting=[(s, o) for s in (X, Y, Z) for o in letters])
    words = [
        1,
        X,
        Y,
        Z,
        *letters,
        *(s * o for s in (X, Z) for o in letters),
        *(a * b for a in (A0, A1) for b in (B0, B1)),
    ]
    return problem.maximize(sum(terms, start=0 * A0), words)


def steering() -> sb.Bound:
    """Alice's device is trusted: <X> is at most sqrt(1 - <Z B>^2)."""
    unit, ((X, Y, Z),), rules = spins(1)
    problem = Problem(
        [unit, X, Y, Z, B0], rules=rules, commuting=[(s, B0) for s in (X, Y, Z)], moments=[(Z * B0, 0.8, 0.8)]
    )
    return problem.maximize(X * 1, [1, X, Y, Z, B0, X * B0, Y * B0, Z * B0])


def magnetization() -> float:
    """Of the ground state of two Hubbard sites at a mean filling of 0.8, at the level of products of two."""
    modes, rules = fermions("u0 u1 d0 d1")
    u, d = modes[:2], modes[2:]
    energy: Polynomial = 0 * u[0]
    for j in range(2):
        energy += -6 * (u[j].adjoint * d[j].adjoint * d[j] * u[j]) - 1.9 * (u[j].adjoint * u[j] - d[j].adjoint * d[j])
    for pair in (u, d):
        energy -= pair[0].adjoint * pair[1] + pair[1].adjoint * pair[0]
    filling: Polynomial = sum((m.adjoint * m for m in modes), start=0 * u[0])
    bound = Problem([*modes], rules=rules, moments=[(filling, 0.8, 0.8)]).minimize(energy, 2)
    spin = sum((m.adjoint * m for m in u), start=0 * u[0]) - sum((m.adjoint * m for m in d), start=0 * u[0])
    return bound.moment(0.5 * spin)


def odd_cycle() -> sb.Game:
    steps = np.eye(5) + np.roll(np.eye(5), 1, axis=1)
    return sb.xor_game(np.roll(np.eye(5, dtype=int), 1, axis=1), 0.1 * steps)


def chain_game() -> sb.Game:
    a, b, s, t = np.indices((2, 2, 3, 3))
    return sb.Game((a + b) % 2 == ((s == 0) & (t == 2)), np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1]]) / 6)


def parities(*lines: tuple[tuple[int, ...], int]) -> sb.Game:
    return sb.constraint_game(lines)


I3322 = sb.BellExpression.from_collins_gisin(
    [[0, 1, 0, 0], [1, -1, -1, -1], [0, -1, -1, 1], [0, -1, 1, 0]], sb.Scenario(((2,) * 3,) * 2)
)
LINES = [((0, 1, 2), 0), ((2, 3, 4), 0), ((4, 5, 0), 0), ((1, 3, 5), 1)]
SQUARE = [((0, 1, 2), 0), ((3, 4, 5), 0), ((6, 7, 8), 0), ((0, 3, 6), 0), ((1, 4, 7), 0), ((2, 5, 8), 1)]
FFL = sb.Game.from_predicate(lambda a, b, s, t: (s | a) != (t | b), np.array([[1, 1], [1, 0]]) / 3)

#: A bound, its value, and how far it may be off on its safe side.
BOUNDS: dict[str, tuple[Callable[[], sb.Bound], float, float]] = {
    "ncpol2sdpa: six humps": (lambda: Problem([x, y], commuting=[(x, y)]).minimize(HUMPS, 3), -1.0316284535, 1e-6),
    "ncpol2sdpa: max cut": (max_cut, -13.5, 1e-6),
    "ncpol2sdpa: three oscillators": (oscillators, 0.0, 1e-6),
    "ncpol2sdpa: commuting variables": (
        lambda: Problem(
            [x, y], rules=[(x * x, x)], commuting=[(x, y)], inequalities=[-y * y + y + 0.5]
        ).minimize(2 * x * y, 2), 1 - 3**0.5, 1e-6,
    ),
    "ncpol2sdpa: two discs": (
        lambda: Problem(
            [x, y, z], commuting=[(x, y), (x, z), (y, z)], inequalities=[1 - x * x - y * y, 1 - y * y - z * z]
        ).minimize(y - 2 * x * y + y * z, 2), -2.244369063, 2e-6,
    ),
    "QuantumNPA: one trusted device": (steering, 0.6, 1e-7),
    "QuantumNPA: two inequalities": (
        lambda: Problem([A0, A1], moments=[(A0 + 2 * A1, None, 1), (2 * A0 + A1, None, 1)]).maximize(A0 + A1, 1),
        2 / 3, 1e-7,
    ),
    "QuantumNPA: an equality and an inequality": (
        lambda: Problem([A0, A1], moments=[(A0 - A1, 0, 0), (A0 + 2 * A1, None, 1)]).maximize(A0 + A1, 1), 2 / 3, 1e-7,
    ),
    "QuantumNPA: a unitary of order five": (
        lambda: Problem([U], rules=[(U * U * U * U * U, 1)]).minimize(U + U.adjoint, 4), -(5**0.5 + 1) / 2, 1e-6,
    ),
    "toqito: monogamy of BB84": (monogamy_game, math.cos(math.pi / 8) ** 2, 1e-7),
    "toqito: odd cycle": (lambda: odd_cycle().quantum("1"), math.cos(math.pi / 20) ** 2, 1e-7),
    "toqito: I3322 by its table": (lambda: sb.maximize(I3322, sb.Quantum("1+AB")), 1.2514708978, 1e-6),
    "toqito: two rounds of FFL": (lambda: FFL.repeated(2).no_signaling(), 2 / 3, 1e-9),
    "toqito: constraints of CHSH": (
        lambda: parities(((0, 1), 0), ((0, 1), 1)).quantum("1+AB"), math.cos(math.pi / 8) ** 2, 1e-7,
    ),
    "toqito: four lines": (lambda: parities(*LINES).classical(), 11 / 12, 1e-12),
    "Ket: chain of three": (lambda: chain_game().quantum("1"), math.cos(math.pi / 12) ** 2, 1e-7),
    "Ket: tilted": (
        lambda: sb.maximize(
            sb.BellExpression.from_correlator_tensor([[0, 0.9, 0], [0.9, 1, 1], [0, 1, -1]]), sb.Quantum("3")
        ), 3.80128907501837942, 1e-7,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_of_other_suites(name: str) -> None:
    make, value, close = BOUNDS[name]
    bound = make()
    sign = 1 if bound.side == "upper" else -1
    assert -1e-9 <= sign * (bound.value - value) <= close
    data = bound.certificate.data
    assert sb.verify(data).holds and recheck(data).holds


def test_other_numbers_of_other_suites() -> None:
    assert magnetization() == pytest.approx(0.021325317, abs=2e-5)  # ncpol2sdpa prints five digits of it
    assert odd_cycle().classical().value == pytest.approx(0.9) and I3322.local_bound == 1.0
    assert parities(*SQUARE).expression.local_bound == pytest.approx(17 / 18)
    assert chain_game().classical().value == pytest.approx(5 / 6)
    assert parities(((0, 1), 0), ((0, 1), 1)).repeated(2).classical().value == 10 / 16
    one = sb.BellExpression.from_collins_gisin([[1, 0.5, 0.5]], sb.Scenario(((1, 1), (2, 2))))
    assert sb.maximize(one, sb.NoSignaling()).value == pytest.approx(2.0)
    circle = parities(((0, 1), 1), ((1, 2), 1), ((2, 3), 1), ((3, 0), 0))  # toqito calls it perfect for quantum players
    assert circle.quantum("1+AB").value < 0.97


def test_pauli_tables() -> None:
    """Correlations of Z, X, Y on Phi+ and GHZ states, as Ket.jl has them."""
    paulis = np.array([[[1, 0], [0, -1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]]])
    own = [[(np.eye(2) + s * p) / 2 for s in (1, -1)] for p in paulis]
    for n in (2, 3):
        state = np.zeros(2**n)
        state[[0, -1]] = 0.5**0.5
        found = sb.Strategy(np.outer(state, state), (own,) * n).behaviour()
        if n == 2:
            table = [[1, 0.5, 0.5, 0.5], [0.5, 0.5, 0.25, 0.25], [0.5, 0.25, 0.5, 0.25], [0.5, 0.25, 0.25, 0]]
            assert np.abs(found.collins_gisin - table).max() < 1e-12
            continue
        expected = np.zeros((4, 4, 4))
        for place, value in (((0, 0, 0), 1), ((1, 1, 0), 1), ((1, 0, 1), 1), ((0, 1, 1), 1), ((2, 2, 2), 1)):
            expected[place] = value
        for place in ((3, 3, 2), (3, 2, 3), (2, 3, 3)):
            expected[place] = -1
        assert np.abs(found.correlator_tensor - expected).max() < 1e-12
