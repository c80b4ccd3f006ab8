"""What the rows of ``python -m benchmarks.published_values`` compute: values from both sides, with certificates."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import sdpbound as sb
from benchmarks import magic_square
from sdpbound.problems import Operator, Problem
from sdpbound.recheck import recheck

ROOT = Path(__file__).resolve().parent.parent
LOSSY = ROOT / "tests" / "reference" / "lossy_key_rates.csv"


@dataclass(frozen=True)
class Found:
    """What was computed: ends of an interval (None: that side was not computed), and how."""

    lower: float | None
    upper: float | None
    how: str


@dataclass(frozen=True)
class Row:
    """One published value.

    Attributes
    ----------
    name : what it is a value of
    source : where it was published
    published : the number as it stands there
    compute : ours
    says : who is right where they differ, and why
    quick : whether it takes less than a second or so
    """

    name: str
    source: str
    published: str
    compute: Callable[[], Found]
    says: str
    quick: bool = True


def certified(bound: sb.Bound, both: bool = True) -> float:
    """The value of a bound whose certificate both checkers accept, or the first alone."""
    data = bound.certificate.data
    if not sb.verify(data).holds or (both and not recheck(data).holds):
        raise AssertionError(f"a checker refuses {bound!r}")
    return bound.value


def bell(expression: sb.BellExpression, level: object, dimension: int = 2, restarts: int = 10) -> Callable[[], Found]:
    """The quantum maximum: a level of the hierarchy above, a see-saw below."""

    def compute() -> Found:
        upper = certified(sb.maximize(expression, sb.Quantum(level)))
        lower, _ = sb.see_saw(expression, dimension, restarts=restarts, rng=0)
        return Found(float(lower), upper, f"level {level}; devices of dimension {dimension}")

    return compute


def cglmp(d: int) -> Callable[[], Found]:
    """CGLMP's measurements (quant-ph/0106024), in Fourier bases, and the best state for them."""

    def compute() -> Found:
        expression = sb.cglmp(d)
        phase = 2j * math.pi / d * np.arange(d)
        alice = [[np.exp(phase * (a + s)) / math.sqrt(d) for a in range(d)] for s in (0, 0.5)]
        bob = [[np.exp(phase * (-b + s)) / math.sqrt(d) for b in range(d)] for s in (0.25, -0.25)]
        effects = [[np.array([np.outer(v, v.conj()) for v in basis]) for basis in party] for party in (alice, bob)]
        best = -math.inf
        for flip in (0, 1):  # outcomes of Bob's are numbered upwards or downwards
            own = [effects[0], [e[::-1] for e in effects[1]] if flip else effects[1]]
            for shift in range(d):
                turned = [own[0], [np.roll(e, shift, axis=0) for e in own[1]]]
                table = np.asarray(expression.probabilities)
                whole = np.einsum("abxy,xaij,ybkl->ikjl", table, np.array(turned[0]), np.array(turned[1]))
                state = np.linalg.eigh(whole.reshape(d * d, d * d))[1][:, -1]
                devices = sb.Strategy(np.outer(state, state.conj()), (tuple(turned[0]), tuple(turned[1])))
                best = max(best, float(expression.value(devices.behaviour())))
        upper = certified(sb.maximize(expression, sb.Quantum("1+AB")))
        return Found(best, upper, f"level 1+AB; CGLMP's measurements, {d} dimensions")

    return compute


def no_signaling(expression: sb.BellExpression) -> Callable[[], Found]:
    """The no-signaling maximum, exactly: the optimal behaviour is the lower side."""

    def compute() -> Found:
        bound = sb.maximize(expression, sb.NoSignaling())
        both = len(expression.scenario.outcomes) <= 4  # the second checker reads no more parties
        how = "linear program" + ("" if both else "; first checker alone, the second reads four parties")
        return Found(float(expression.value(bound.behaviour)), certified(bound, both), how)

    return compute


def operators(make: Callable[[], tuple[Problem, Any]], level: object, lower: float | None) -> Callable[[], Found]:
    """An operator problem's maximum; ``lower`` is what operators named in the row's remark have."""

    def compute() -> Found:
        problem, objective = make()
        return Found(lower, certified(problem.maximize(objective, level)), f"level {level}")

    return compute


def observables() -> tuple[Operator, ...]:
    return (*Operator.observables("A1 A2", party="A"), *Operator.observables("B1 B2", party="B"))


def conditioned() -> tuple[Problem, Any]:
    a1, a2, b1, b2 = observables()
    halves = [(a1 * (b1 + b2), 1.4, 1.4), (a2 * (b1 - b2), 1.4, 1.4)]
    return Problem([a1, a2, b1, b2], moments=halves), a1 * 1


def two_inequalities() -> tuple[Problem, Any]:
    a1, a2, *_ = observables()
    ends = [(a1 + 2 * a2, None, 1), (2 * a1 + a2, None, 1)]
    return Problem([a1, a2], moments=ends), a1 + a2


def half_plane() -> tuple[Problem, Any]:
    x, y = Operator.hermitians("x y")
    return Problem([x, y], rules=[(x * x, x)], inequalities=[-y * y + y + 0.5]), -x * y - y * x


def guess() -> Found:
    c = 0.9 / math.sqrt(2)
    data = sb.Observations.full(sb.Behaviour.from_correlators([[c, c], [c, -c]]))
    return Found(None, certified(sb.guessing_probability(data, sb.Quantum(2), x=0, y=0)), "level 2")


def chsh_entropy(value: float) -> float:
    """The published formula."""
    p = 0.5 + math.sqrt(value**2 / 4 - 1) / 2
    return 1 + p * math.log2(p) + (1 - p) * math.log2(1 - p)


def entropy_at_winning() -> Found:
    data = sb.Observations.bell_value(sb.chsh(), 2.4)
    lower = sb.conditional_entropy(data, x=0)
    return Found(certified(lower), certified(sb.conditional_entropy_upper_bound(data, x=0)), "formula; explicit attack")


def error_rate(expression: Any, **options: Any) -> Callable[[], Found]:
    """In percent: a key rate is certified at the lower one, and an attack leaves none at the upper one."""

    def compute() -> Found:
        found = sb.critical_error_rate(expression, **options)
        for rate in (found.alive_rate, found.dead_rate):
            certified(rate.entropy)
        return Found(100 * found.alive, 100 * found.dead, "certified rate; explicit attack")

    return compute


# --- losses -----------------------------------------------------------------------------------------------------------


def shannon(p: np.ndarray) -> float:
    """H(A|B) of a table p[a, b], in bits."""
    inside = [(v, c) for row in p for v, c in zip(row, p.sum(axis=0), strict=True) if v > 0]
    return float(-sum(v * math.log2(v / c) for v, c in inside))


def lossy(ideal: np.ndarray, eta_a: float, eta_b: float, keep: bool) -> np.ndarray:
    """Two outcomes a side, and no click: outcome 0 of Alice's; of Bob's outcome 0, or a third one."""
    a = np.array([[eta_a, 0, 1 - eta_a], [0, eta_a, 0]])
    b = np.array([[eta_b, 0, 1 - eta_b], [0, eta_b, 0]])
    own, other = ideal.sum(axis=1), ideal.sum(axis=0)
    full = np.block([[ideal, own[:, None]], [other[None, :], np.ones((1, 1))]])
    if keep:
        b = np.array([[eta_b, 0, 0], [0, eta_b, 0], [0, 0, 1 - eta_b]])
    return a @ full @ b.T


def flipped(p: np.ndarray, q: float) -> np.ndarray:
    return (1 - q) * p + q * p[::-1]


def efficiency(keep: bool) -> Callable[[], Found]:
    """In percent, for a singlet at CHSH's settings, its CHSH value tested, and Bob's third setting along Alice's.

    No click is outcome 0 in the tests. At the upper efficiency a key is certified, at the lower one an attack leaves
    none; they are as close as hundredths of a percent allow.
    """
    key = np.diag([0.5, 0.5])

    def missing(eta: float) -> tuple[sb.Observations, float]:
        value = 2 * math.sqrt(2) * eta**2 + 2 * (1 - eta) ** 2
        return sb.Observations.bell_value(sb.chsh(), value), shannon(lossy(key, eta, eta, keep))

    def compute() -> Found:
        low, high = 8500, 9900  # hundredths of a percent
        while high - low > 1:
            middle = (low + high) // 2
            data, cost = missing(middle / 10_000)
            alive = sb.conditional_entropy(data, x=0).value > cost
            low, high = (low, middle) if alive else (middle, high)
        data, cost = missing(high / 10_000)
        if certified(sb.conditional_entropy(data, x=0)) <= cost:
            raise AssertionError("no key is certified")
        for dead in range(low, low - 100, -1):
            data, cost = missing(dead / 10_000)
            if certified(sb.conditional_entropy_upper_bound(data, x=0)) < cost:
                return Found(dead / 100, high / 100, "explicit attack; certified rate")
        raise AssertionError("attacks leave a key")

    return compute


def projectors(angle: float) -> np.ndarray:
    z, x = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
    observable = math.cos(angle) * z + math.sin(angle) * x
    return np.array([(np.eye(2) + observable) / 2, (np.eye(2) - observable) / 2])


def lossy_rate(eta: str) -> Callable[[], Found]:
    """H(A|X=0,E) - H(A|B2) at a published strategy; no click is outcome 0 in the tests, a third outcome of B2."""

    def compute() -> Found:
        row = {key: float(value or "nan") for key, value in lossy_row(eta).items()}
        state = np.zeros(4)
        state[0], state[3] = math.cos(row["theta"]), math.sin(row["theta"])
        alice, bob = ([projectors(row[f"{party}{k}"]) for k in range(2)] for party in "ab")
        ideal = sb.Strategy(np.outer(state, state), (tuple(alice), tuple(bob))).behaviour()
        data = sb.Observations.full(ideal.detection_efficiency(row["eta"], row["eta"]))
        key = np.array([[state @ np.kron(a, b) @ state for b in projectors(row["b2"])] for a in projectors(row["a0"])])
        cost = shannon(flipped(lossy(key, row["eta"], row["eta"], True), row["flip"]))
        lower = sb.conditional_entropy(
            data, x=0, preprocessing=row["flip"], method=sb.VonNeumann("qubit", tolerance=1e-4)
        )
        upper = sb.conditional_entropy_upper_bound(data, x=0, preprocessing=row["flip"])
        # the second checker takes minutes for such an entropy, or gives up at its limit of work
        how = "qubit reduction, first checker alone; explicit attack"
        return Found(certified(lower, both=False) - cost, certified(upper) - cost, how)

    return compute


def square_cell(visibility: str) -> Callable[[], Found]:
    """H(f(A)|X=0,E) of the magic square's first cell, from full statistics, with noise on each of two pairs."""

    def compute() -> Found:
        behaviour = magic_square.devices(float(visibility)).behaviour()
        lower = magic_square.below(behaviour, 10, magic_square.words(both=False))
        upper = magic_square.above(behaviour, (2,))
        how = "words of 1+AB and Alice's products, first checker alone; explicit attack in dimension 4"
        return Found(certified(lower, both=False), certified(upper, both=False), how)

    return compute


def lossy_row(eta: str) -> dict[str, str]:
    with LOSSY.open(encoding="utf-8") as file:
        return next(row for row in csv.DictReader(file) if row["eta"].startswith(eta))
