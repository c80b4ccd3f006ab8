"""Trusted qubits beside untrusted devices: steering, Eve's guess, and a game whose referee has a qubit."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.problems import Operator, Polynomial, Problem, spins
from sdpbound.recheck import recheck

UNIT, ((X, Y, Z),), RULES = spins(1, "B")
PAULI = (np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1]))
ALICE = [Operator.measured(f"A{x}", 2, "A") for x in range(3)]
EVE = Operator.measured("E", 2, "E")
LEVELS = {2: "1+AB", 3: "1+AB+AA"}
KNOWN = [UNIT, X, Y, Z, *(effect for own in ALICE for effect in own)]


def difference(x: int) -> Polynomial:
    return ALICE[x][0] - ALICE[x][1]


def checked(bound: sb.Bound) -> float:
    """The value, after both checkers have found it."""
    data = bound.certificate.data
    first, second = sb.verify(data), recheck(data)
    assert first.holds and second.holds and first.value == bound.value
    return bound.value


@pytest.mark.parametrize("count", [2, 3])
def test_with_and_without_steering(count: int) -> None:
    """The maximally entangled pair has the quantum value; hidden states have the norm of the best sum of Paulis."""
    chosen = [(X, PAULI[0]), (Z, PAULI[2]), (Y, PAULI[1])][:count]
    inequality = sum((difference(k) * o for k, (o, _) in enumerate(chosen)), start=0 * X)
    pair = np.eye(2).ravel() / 2**0.5
    attained = sum((pair @ np.kron(m.conj(), m) @ pair).real for _, m in chosen)
    quantum = checked(Problem(KNOWN, rules=RULES).maximize(inequality, 1))
    assert attained - 1e-12 <= quantum < attained + 1e-6 and attained == pytest.approx(count)
    best = max(
        float(np.linalg.eigvalsh(sum(s * m for s, (_, m) in zip(signs, chosen, strict=True)))[-1])
        for signs in itertools.product((1, -1), repeat=count)
    )
    pairs = [(m, n) for j, k in itertools.combinations(range(count), 2) for m in ALICE[j] for n in ALICE[k]]
    hidden = checked(
        Problem(KNOWN, rules=RULES, commuting=pairs).maximize(inequality, "1+AB+AA" if count > 2 else "1+AB")
    )
    assert best - 1e-12 <= hidden < best + 1e-6 and best == pytest.approx(count**0.5)


@pytest.mark.parametrize("seen", [1.5, 1.65, 1.8, 1.95])
def test_eves_guess(seen: float) -> None:
    """The bound is what an explicit attack has, and at most what is proven where Bob is not trusted."""
    inequality = difference(0) * X + difference(1) * Z
    problem = Problem([*KNOWN, *EVE], rules=RULES, moments=[(inequality, seen, None)])
    guess = checked(problem.maximize(ALICE[0][0] * EVE[0] + ALICE[0][1] * EVE[1], "1+AB+AE+BE"))
    attack = _attacked(seen)
    assert attack - 1e-9 <= guess < attack + 1e-6
    # X + Z and X - Z over sqrt(2) as settings of Bob: S is CHSH over sqrt(2)
    untrusted = sb.guessing_probability(sb.Observations.bell_value(sb.chsh(), 2**0.5 * seen), sb.Quantum("1+AB"), x=0)
    assert guess < untrusted.value


@pytest.mark.slow
def test_eves_guess_at_the_maximum() -> None:
    """Alice's outcome is random where S is 2: the page says how close level 2 comes."""
    inequality = difference(0) * X + difference(1) * Z
    problem = Problem([*KNOWN[:-2], *EVE], rules=RULES, moments=[(inequality, 2, None)])
    guess = checked(problem.maximize(ALICE[0][0] * EVE[0] + ALICE[0][1] * EVE[1], 2))
    assert 0.5 <= guess < 0.5 + 1e-5


def _attacked(seen: float) -> float:
    """How often Eve is right who always says 0, with the best of some states and devices, all of them explicit.

    ``sqrt(p) |0>|+> + sqrt(1 - p) |1>|->`` with Z and X of Alice has S = 1 + 2 sqrt(p (1 - p)). A hidden state has S
    = sqrt(2) and outcomes that Eve knows; she has all mixtures of the two.
    """
    plus, minus = np.array([1, 1]) / 2**0.5, np.array([1, -1]) / 2**0.5
    best = 0.0
    for p in ((1 + math.sqrt(max(0.0, 1 - (seen - 1) ** 2))) / 2 - 1e-10, (1 + 0.5**0.5) / 2):
        state = np.kron([1, 0], math.sqrt(p) * plus) + np.kron([0, 1], math.sqrt(1 - p) * minus)
        s = state @ (np.kron(PAULI[2], PAULI[0]) + np.kron(PAULI[0], PAULI[2])) @ state
        if s >= seen:
            weight = (seen - 2**0.5) / (s - 2**0.5)
            best = max(best, float(weight * p + 1 - weight))
    return best


def test_a_referee_with_a_qubit() -> None:
    """BB84 as a game of two players who guess the outcome: cos(pi/8)^2 (arXiv:1210.4359)."""
    unit, ((x, y, z),), rules = spins(1, "R")
    players = [[Operator.measured(f"{name}{k}", 2, name) for k in range(2)] for name in "BC"]
    won = [
        (1 + sign * o) / 2 * players[0][k][a] * players[1][k][a]
        for k, o in enumerate((x, z))
        for a, sign in enumerate((1, -1))
    ]
    problem = Problem([unit, x, y, z, *(e for own in players for m in own for e in m)], rules=rules)
    value = checked(problem.maximize(sum(won, start=0 * x) / 2, "1+RB+RC"))
    # both always say 0: the referee's state that is between |0> and |+> has the value
    attained = float(np.linalg.eigvalsh((np.diag([1.0, 0.0]) + np.full((2, 2), 0.5)) / 2)[-1])
    assert attained == pytest.approx(math.cos(math.pi / 8) ** 2) and attained <= value < attained + 1e-7


def test_parties_of_spins() -> None:
    _, sites, _ = spins(2, "BC")
    assert [site[0].party for site in sites] == ["B", "C"] and spins(1)[1][0][0].party == "S0"
    for parties in ("B", "BCD", "BB", ["B", "B"], ["B", 1], 2):
        with pytest.raises(sb.InvalidParameter, match="must be 2 different names"):
            spins(2, parties)  # type: ignore[arg-type]
    with pytest.raises(sb.InvalidParameter, match="party = '1'"):
        spins(1, "1")
