"""Are claims of certificates contradicted by explicit strategies?

Written from the mathematical statements, and apart from the checker: nothing of ``sdpbound`` is used. A certificate
that was accepted is tried on strategies that can be written down. Each has a behaviour and a cost, which its figure
cannot be more than (side "lower") or, with the sign turned round, less than (side "upper"):

- deterministic strategies, all of them where they are at most 4096, in exact rational numbers;
- quantum: qubits of every party, pure or mixed, Eve holding the purification, with projective measurements, whose two
  results are given any of the outcomes; entropies from eigenvalues. A search moves them to where the claim is worst:
  by see-saw for linear figures, and for entropies by the fixed point r = exp(K + sum_i N_i log(N_i r N_i) N_i) of the
  best state, with random moves of the angles;
- no-signaling: the optimum of a linear program over the behaviours.

The claimed functional must be below the cost (side "lower") of every one of them. The claimed value must be below the
mean cost of every mixture of them with the tested values, found by a linear program with columns from the search.
Floats are trusted to ``TOLERANCE``. Numbers that are large and cancel are added up in rational numbers first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property, lru_cache
from itertools import combinations, product
from typing import Any

import numpy as np
from scipy.optimize import brentq, linprog

from tests.averages import contradicted

Tensor = dict[tuple[int, ...], Fraction]
Array = np.ndarray

TOLERANCE = 1e-9
MOST_STRATEGIES = 4096
MOST_COORDINATES = 1024
MOST_OBJECTIVES = 64
POOL = 96  # random strategies of each question
SEARCH = 32  # strategies that a search moves
LN2 = math.log(2.0)
SHARP = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def contradiction(certificate: Mapping[str, Any]) -> str | None:
    """A sentence that says why the claim of an accepted certificate is false, or None."""
    kept = {key: certificate[key] for key in ("format", "question", "claim")}
    proof, figure = certificate.get("proof", {}), kept["question"].get("figure", {})
    if "accumulation" in proof or "renyi_accumulation" in proof:
        return _finite(certificate)
    if figure.get("kind") == "average_entropy":
        return "a pair of qubits has less" if contradicted(dict(kept), 60) else None
    if figure.get("kind") == "estimated_randomness_length":
        rounds, claimed = figure["rounds"], float(number(kept["claim"]["value"]))
        return f"{claimed} bits are claimed of {rounds} pairs of bits." if claimed > 2 * rounds else None
    if figure.get("kind") == "visibility":
        return _visibility(kept["question"], float(number(kept["claim"]["value"])))
    if figure.get("kind") == "key_rate_any_channel":  # one that gives a constant leaves 0
        return "a constant leaves 0, and less is claimed" if number(kept["claim"]["value"]) < 0 else None
    if "settings" in figure and figure["kind"] == "conditional_entropy":
        return None  # entropies of keys of other parties than the first two: nothing is known
    if certificate["format"] == "sdpbound box certificate":
        return _boxes(certificate["question"], number(certificate["claim"]["value"]))
    if "strategies" in proof:
        return _attack(certificate["question"], float(number(certificate["claim"]["value"])))
    return _bound(json.dumps(kept))


def number(entry: Any) -> Fraction:
    return Fraction(entry)


def channel(figure: Mapping[str, Any]) -> tuple[float, float]:
    """The probabilities with which a bit 0 becomes 1 and a bit 1 becomes 0."""
    entry = figure.get("preprocessing", 0)
    p, q = entry if isinstance(entry, list) else (entry, entry)
    return float(number(p)), float(number(q))


def _visibility(question: Mapping[str, Any], claimed: float) -> str | None:
    """Local sets by a linear program over all deterministic strategies; quantum ones by the eight CHSH values alone."""
    scenario, noise = Scenario.read(question["scenario"]), question["figure"]["noise"]
    p = flat(read_tensor(question["moments"], scenario.shape), scenario.shape)
    own = None if question["given"] is None else flat(read_tensor(question["given"], scenario.shape), scenario.shape)
    points = deterministic(scenario)
    assert points is not None
    vertices = np.asarray(points, dtype=float).T
    if noise == "white":
        own = vertices.mean(axis=1)
    if question["model"]["kind"] == "quantum":
        if scenario.outcomes != ((2, 2), (2, 2)):
            return None
        most = math.inf
        for signs in product((1, -1), repeat=3):
            table = np.zeros(scenario.shape)
            table[1:, 1:] = np.reshape([*signs, -math.prod(signs)], (2, 2))
            value, least = float(table.reshape(-1) @ p), {"local": -2.0, "general": -4.0}.get(noise, 0.0)
            least = float(table.reshape(-1) @ own) if own is not None else least
            if value > least:
                most = min(most, (math.sqrt(8.0) - least) / (value - least))
        return f"{claimed} is claimed, and CHSH allows {most}" if claimed > most + TOLERANCE else None
    count, others = vertices.shape[1], np.zeros((len(p), 0)) if own is None else -own[:, None]
    others = -vertices if noise == "local" else others
    costs = np.concatenate([np.zeros(count), [-1.0], np.zeros(others.shape[1])])
    one = np.concatenate([np.ones(count), np.zeros(1 + others.shape[1])])
    if noise == "general":
        rows = np.array([flat(scenario.probability(e), scenario.shape) for e in _events(scenario)])
        above = np.hstack([-rows @ vertices, (rows @ p)[:, None]])
        found = linprog(costs, above, np.full(len(rows), 1e-12), one[None], [1.0], options=SHARP)
    else:
        equal = np.vstack([one, np.hstack([vertices, -p[:, None], others])])
        found = linprog(costs, None, None, equal, np.concatenate([[1.0], np.zeros(len(p))]), options=SHARP)
    most = 0.0 if found.fun is None else -float(found.fun)
    return f"{claimed} is claimed, and a linear program has {most}" if claimed > most + 1e-8 else None


def _events(scenario: Scenario) -> Iterator[list[tuple[int, int]]]:
    for settings in product(*(range(len(party)) for party in scenario.outcomes)):
        counts = (scenario.outcomes[p][s] for p, s in enumerate(settings))
        for outcomes in product(*map(range, counts)):
            yield list(zip(settings, outcomes, strict=True))


def h(p: float) -> float:
    return 0.0 if p <= 0.0 or p >= 1.0 else -p * math.log2(p) - (1 - p) * math.log2(1 - p)


# --- scenarios and tensors in moment coordinates -------------------------------------------------------------------


@dataclass(frozen=True)
class Scenario:
    outcomes: tuple[tuple[int, ...], ...]

    @classmethod
    def read(cls, entry: Any) -> Scenario:
        return cls(tuple(tuple(row) for row in entry["outcomes"]))

    @cached_property
    def first(self) -> list[list[int]]:
        """The first coordinate of each setting, and behind the last setting the number of coordinates."""
        rows = []
        for party in self.outcomes:
            row = [1]
            for d in party:
                row.append(row[-1] + (1 if d == 2 else d - 1))
            rows.append(row)
        return rows

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(row[-1] for row in self.first)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def effect(self, party: int, setting: int, outcome: int) -> dict[int, Fraction]:
        d, start = self.outcomes[party][setting], self.first[party][setting]
        if d == 2:
            return {0: Fraction(1, 2), start: Fraction(1 - 2 * outcome, 2)}
        if outcome < d - 1:
            return {start + outcome: Fraction(1)}
        return {0: Fraction(1), **{start + a: Fraction(-1) for a in range(d - 1)}}

    def probability(self, events: Sequence[tuple[int, int] | None]) -> Tensor:
        """Of (setting, outcome) of each party, or None where a party is not asked."""
        effects = [{0: Fraction(1)} if e is None else self.effect(p, *e) for p, e in enumerate(events)]
        return {
            tuple(i for i, _ in terms): math.prod((c for _, c in terms), start=Fraction(1))
            for terms in product(*(e.items() for e in effects))
        }


def read_tensor(entry: Any, shape: Sequence[int]) -> Tensor:
    found: Tensor = {}
    for index in np.ndindex(*shape):
        value = entry
        for i in index:
            value = value[i]
        if number(value):
            found[index] = number(value)
    return found


def add(*terms: tuple[Fraction | int, Tensor]) -> Tensor:
    total: Tensor = {}
    for factor, tensor in terms:
        for index, value in tensor.items():
            total[index] = total.get(index, Fraction(0)) + factor * value
    return total


def flat(tensor: Tensor, shape: Sequence[int]) -> Array:
    found = np.zeros(shape)
    for index, value in tensor.items():
        found[index] = float(value)
    return found.reshape(-1)


def deterministic(scenario: Scenario) -> Array | None:
    """Moments of all deterministic strategies, whole numbers; None if they are too many."""
    if math.prod(d for row in scenario.outcomes for d in row) > MOST_STRATEGIES:
        return None
    return _deterministic(scenario)


@cache
def _deterministic(scenario: Scenario) -> Array:
    parties = []
    for party, outcomes in enumerate(scenario.outcomes):
        rows = []
        for answers in product(*map(range, outcomes)):
            row = np.zeros(scenario.shape[party], dtype=int)
            row[0] = 1
            for setting, (d, a) in enumerate(zip(outcomes, answers, strict=True)):
                start = scenario.first[party][setting]
                if d == 2:
                    row[start] = 1 - 2 * a
                elif a < d - 1:
                    row[start + a] = 1
            rows.append(row)
        parties.append(np.array(rows))
    found = parties[0]
    for rows in parties[1:]:
        found = np.einsum("ki,lj->klij", found, rows).reshape(len(found) * len(rows), -1)
    return found


def exact_values(tensor: Tensor, scenario: Scenario, points: Array) -> list[Fraction]:
    common = math.lcm(*(value.denominator for value in tensor.values())) if tensor else 1
    places = {index: np.ravel_multi_index(index, scenario.shape) for index in tensor}
    total = np.zeros(len(points), dtype=object)
    for index, value in tensor.items():
        total = total + points[:, places[index]].astype(object) * (value.numerator * (common // value.denominator))
    return [Fraction(int(value), common) for value in total]


# --- questions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entropy:
    """H of Alice's outcome of x (y None), of both outcomes, or (blind) of Alice's given Bob's."""

    x: int
    y: int | None
    channel: tuple[float, float]
    blind: bool = False


@dataclass(frozen=True)
class Question:
    """The claim is: cost >= functional on every strategy, and cost >= least on the data.

    The cost of a figure of side "upper" is the largest of ``objectives`` with its sign turned round. ``logarithm``
    says that the functional is about -log2 of the largest objective.
    """

    scenario: Scenario
    model: str
    objectives: list[Tensor]
    entropy: Entropy | None
    logarithm: bool
    tested: list[Tensor]
    values: list[Fraction]
    tolerances: list[Fraction]
    functional: Tensor | None
    claimed: Fraction
    least: float
    follows: bool  # the value says no more than the functional does on the data
    slack: float


def _objectives(scenario: Scenario, figure: Mapping[str, Any]) -> list[Tensor]:
    """What a guess that Eve is certain of has as its probability of success."""
    if "settings" in figure:
        events = [
            [None] if s is None else [(s, a) for a in range(scenario.outcomes[party][s])]
            for party, s in enumerate(figure["settings"])
        ]
        return [scenario.probability(chosen) for chosen in product(*events)]
    x, y = figure["x"], figure["y"]
    rest = [None] * (len(scenario.outcomes) - 2)
    alice = range(scenario.outcomes[0][x])
    if figure["kind"] == "guessing_probability" and y is None:
        rest = [None] * (len(scenario.outcomes) - 1)
        return [scenario.probability([(x, a), *rest]) for a in alice]
    bob = range(scenario.outcomes[1][y])
    pairs = {(a, b): scenario.probability([(x, a), (y, b), *rest]) for a in alice for b in bob}
    if figure["kind"] == "guessing_probability":
        return list(pairs.values())
    if len(alice) ** len(bob) > MOST_OBJECTIVES:  # at least the maps that do not look at Bob's outcome
        maps = [(a,) * len(bob) for a in alice]
    else:
        maps = list(product(alice, repeat=len(bob)))
    return [add(*((1, pairs[a, b]) for b, a in enumerate(m))) for m in maps]


def _read(root: Mapping[str, Any]) -> Question:
    question, claim = root["question"], root["claim"]
    scenario = Scenario.read(question["scenario"])
    closed = root["format"] == "sdpbound closed form"
    figure = question["figure"]
    logarithm = figure["kind"] == "min_entropy"
    if logarithm:
        figure = figure["of"]
    _, tested, values, tolerances = _tests(question["observed"], scenario)
    claimed = number(claim["value"])
    upper = question["side"] == "upper"
    functional, follows = None, False
    if "functional" in claim:
        slopes = [number(m) for m in claim["functional"]["multipliers"]]
        constant = number(claim["functional"]["constant"])
        zero = (0,) * len(scenario.shape)
        functional = add((constant, {zero: Fraction(1)}), *zip(slopes, tested, strict=True))
        sign = -1 if upper else 1
        implied = constant + sum(m * v - sign * abs(m) * t for m, v, t in zip(slopes, values, tolerances, strict=True))
        follows = sign * (implied - claimed) >= -Fraction(1, 10**9)
    entropy, objectives, slack = None, [], TOLERANCE
    if figure["kind"] in ("conditional_entropy", "entropy", "renyi_entropy"):  # those of order above 1 are lower
        entropy = Entropy(figure["x"], figure["y"], channel(figure), figure.get("blind", False))
        if figure["kind"] == "entropy":  # data that are at a self-test within 1e-12
            tolerances = [max(t, Fraction(1, 10**10)) for t in tolerances]
            slack = 1e-3
    elif figure["kind"] == "bell_value":
        objectives = [read_tensor(figure["coefficients"], scenario.shape)]
        if not upper:
            objectives = [add((-1, objectives[0]))]
    elif figure["kind"] == "separation":
        objectives = [{}]
    else:
        objectives = _objectives(scenario, figure)
    least = float(claimed)
    if logarithm:
        least = -(2.0 ** -max(float(claimed), -60.0))  # a weaker claim is as true
    elif upper:
        least = -least
    if functional is not None and upper:
        functional = add((-1, functional))
    model = "quantum" if closed else question["model"]["kind"]
    return Question(
        scenario,
        model,
        objectives,
        entropy,
        logarithm,
        tested,
        values,
        tolerances,
        functional,
        claimed,
        least,
        follows,
        slack,
    )


@lru_cache(maxsize=4096)
def _bound(text: str) -> str | None:
    root = json.loads(text)
    question = _read(root)
    found = _range(question, root["question"]) or _functional(question) or _data(question)
    if found is None and root["question"]["figure"]["kind"] == "entropy":
        found = _self_test(question)
    return found


def _range(question: Question, entry: Mapping[str, Any]) -> str | None:
    """The figure of no behaviour at all is there."""
    scenario, figure = question.scenario, entry["figure"]
    kind = figure["kind"]
    if kind in ("bell_value", "separation"):
        return None
    asked = figure.get("of", figure)
    both = asked["kind"] != "blind_guessing_probability" and not asked.get("blind")
    key = asked.get("settings") or [asked["x"], asked["y"] if both else None]
    outcomes = math.prod(scenario.outcomes[party][s] for party, s in enumerate(key) if s is not None)
    claimed = float(question.claimed)
    if kind in ("guessing_probability", "blind_guessing_probability"):
        if claimed < 1.0 / outcomes - TOLERANCE:
            return f"One of {outcomes} outcomes is guessed with probability {1.0 / outcomes}, and {claimed} is claimed."
    elif claimed > math.log2(outcomes) + TOLERANCE:
        return f"{outcomes} outcomes have at most {math.log2(outcomes)} bits, and {claimed} are claimed."
    return None


# --- functionals ----------------------------------------------------------------------------------------------------


def _functional(question: Question) -> str | None:
    """Is the claimed functional above the cost of a strategy?"""
    functional, scenario = question.functional, question.scenario
    if functional is None:
        return None
    points = deterministic(scenario)
    if points is not None:
        values = exact_values(functional, scenario, points)
        if question.entropy is not None:
            least = [Fraction(_certain(question) + 1e-12)] * len(values)
        elif question.logarithm:
            least = [Fraction(1, 10**12)] * len(values)  # a certain guess has no entropy
        else:
            gains = [exact_values(objective, scenario, points) for objective in question.objectives]
            least = [-max(column) for column in zip(*gains, strict=True)]
        for k, (value, cost) in enumerate(zip(values, least, strict=True)):
            if value > cost:
                return f"The functional is {float(value - cost)} beyond the figure of the deterministic strategy {k}."
    if question.model == "local" or scenario.size > MOST_COORDINATES:
        return None
    target = flat(functional, scenario.shape)
    scale = TOLERANCE * (1.0 + np.abs(target).sum())
    for objective in _directions(question, target):
        moments, costs = _search(question, objective)
        if not len(moments):
            continue
        if question.logarithm:
            with np.errstate(divide="ignore"):
                costs = -np.log2(np.maximum(-costs, 1e-300))
        excess = moments @ target - costs
        if excess.max() > scale + question.slack:
            return f"The functional is {excess.max()} beyond the figure of an explicit strategy."
    return None


def _certain(question: Question) -> float:
    """The entropy of outcomes that Eve knows before they are flipped, at most."""
    return max(map(h, question.entropy.channel)) if question.entropy is not None else 0.0


def _directions(question: Question, target: Array) -> Iterator[Array | tuple[Array, Array]]:
    """Linear functionals whose largest values may contradict: (what the search maximises)."""
    if question.entropy is not None:
        yield target
        return
    for objective in question.objectives[:MOST_OBJECTIVES]:
        table = flat(objective, question.scenario.shape)
        if question.logarithm:  # the tangents of log2 at some probabilities
            for p in (0.55, 0.8, 0.97):
                yield target + table / (p * LN2)
        else:
            yield target + table


def _costs(question: Question, moments: Array) -> Array:
    """Of behaviours, Eve making one guess."""
    tables = np.array([flat(o, question.scenario.shape) for o in question.objectives])
    return -(moments @ tables.T).max(axis=1)


def _search(question: Question, direction: Array) -> tuple[Array, Array]:
    """Strategies of the model with large values of a functional, less the entropy: moments and costs."""
    if question.model == "no-signaling":
        best = _no_signaling(question.scenario, direction)
        return (best[None], _costs(question, best[None])) if best is not None else (np.zeros((0, 0)), np.zeros(0))
    if len(question.scenario.outcomes) > 3:
        return np.zeros((0, 0)), np.zeros(0)
    if question.entropy is None:
        moments = see_saw(question.scenario, direction)
        return moments, _costs(question, moments)
    moments, costs = best_states(question.scenario, question.entropy, direction)
    known, theirs = pool(question.scenario, question.entropy)
    return np.concatenate([moments, known]), np.concatenate([costs, theirs])


@cache
def _no_signaling_program(scenario: Scenario) -> Array | None:
    """All probabilities of all settings, as rows in moment coordinates."""
    events = [[(s, a) for s, d in enumerate(row) for a in range(d)] for row in scenario.outcomes]
    if math.prod(map(len, events)) > MOST_STRATEGIES:
        return None
    return np.array([flat(scenario.probability(e), scenario.shape) for e in product(*events)])


def _no_signaling(scenario: Scenario, direction: Array) -> Array | None:
    """The behaviour with the largest value of a functional."""
    rows = _no_signaling_program(scenario)
    if rows is None:
        return None
    scale = np.abs(direction[1:]).max(initial=0.0) or 1.0
    found = linprog(
        -direction[1:] / scale,
        A_ub=-rows[:, 1:],
        b_ub=rows[:, 0],
        bounds=[(-1, 1)] * (len(direction) - 1),
        method="highs",
    )
    return None if found.x is None else np.concatenate([[1.0], found.x])


# --- qubits ---------------------------------------------------------------------------------------------------------


@dataclass
class Devices:
    """A batch of measurements: Bloch vectors and the two outcomes that their results are given, [party][setting]."""

    scenario: Scenario
    vectors: list[Array]  # (batch, settings, 3)
    labels: list[Array]  # (batch, settings, 2); twice the same outcome: it is certain

    @classmethod
    def random(cls, scenario: Scenario, count: int, rng: np.random.Generator) -> Devices:
        vectors, labels = [], []
        for row in scenario.outcomes:
            angles = rng.uniform(0, 2 * math.pi, (count, len(row)))
            angles[: count // 4] = math.pi / 4 * rng.integers(0, 8, (count // 4, len(row)))
            plane = np.stack([np.sin(angles), np.zeros_like(angles), np.cos(angles)], axis=2)
            sphere = rng.normal(size=plane.shape)
            sphere /= np.linalg.norm(sphere, axis=2, keepdims=True)
            vectors.append(np.where(rng.uniform(size=(count, 1, 1)) < 0.8, plane, sphere))
            pairs = []
            for d in row:
                chosen = np.array([rng.permutation(d)[:2] if d > 1 else [0, 0] for _ in range(count)])
                certain = rng.uniform(size=count) < 0.1
                chosen[certain, 1] = chosen[certain, 0]
                pairs.append(chosen)
            labels.append(np.stack(pairs, axis=1))
        return cls(scenario, vectors, labels)

    def moved(self, chosen: Array, size: float, rng: np.random.Generator) -> Devices:
        vectors = []
        for party in self.vectors:
            v = party[chosen] + size * rng.normal(size=party[chosen].shape) * [1, rng.uniform() < 0.2, 1]
            vectors.append(v / np.linalg.norm(v, axis=2, keepdims=True))
        return Devices(self.scenario, vectors, [party[chosen] for party in self.labels])

    def effects(self, party: int) -> list[list[Array]]:
        """[setting][outcome], each (batch, 2, 2)."""
        spins = np.einsum("bsi,ijk->bsjk", self.vectors[party], PAULI)
        found = []
        for s, d in enumerate(self.scenario.outcomes[party]):
            results = [(np.eye(2) + spins[:, s]) / 2, (np.eye(2) - spins[:, s]) / 2]
            found.append(
                [sum((self.labels[party][:, s, r] == a)[:, None, None] * results[r] for r in (0, 1)) for a in range(d)]
            )
        return found

    def operators(self, party: int) -> Array:
        """Of the party's coordinates, (batch, coordinates, 2, 2)."""
        effects = self.effects(party)
        found = [np.broadcast_to(np.eye(2), effects[0][0].shape)]
        for s, d in enumerate(self.scenario.outcomes[party]):
            found += [effects[s][0] - effects[s][1]] if d == 2 else effects[s][: d - 1]
        return np.stack(found, axis=1)


def _operator(direction: Array, operators: Sequence[Array], shape: Sequence[int]) -> Array:
    """sum_ij direction_ij O_i (x) O_j, as square matrices."""
    n = len(operators)
    left, right = "uvw"[:n], "xyz"[:n]
    terms = ",".join(f"B{i}{a}{b}" for i, a, b in zip("ijk", left, right, strict=False))
    table = np.einsum(f"{'ijk'[:n]},{terms}->B{left}{right}", direction.reshape(shape), *operators, optimize=True)
    return table.reshape(len(table), 2**n, 2**n)


def _moments(states: Array, operators: Sequence[Array]) -> Array:
    """Of density matrices (batch, 2^n, 2^n)."""
    n = len(operators)
    left, right = "uvw"[:n], "xyz"[:n]
    terms = ",".join(f"B{i}{a}{b}" for i, a, b in zip("ijk", left, right, strict=False))
    cut = states.reshape((len(states),) + (2,) * (2 * n))
    found = np.einsum(f"B{right}{left},{terms}->B{'ijk'[:n]}", cut, *operators, optimize=True)
    return found.real.reshape(len(states), -1)


def see_saw(scenario: Scenario, direction: Array, rounds: int = 6) -> Array:
    """Moments of pure qubit strategies with large values of a functional."""
    n, shape = len(scenario.outcomes), scenario.shape
    rng = np.random.default_rng(7)
    devices = Devices.random(scenario, SEARCH, rng)
    operators = [devices.operators(p) for p in range(n)]
    tensor = direction.reshape(shape)
    found = []
    for _ in range(rounds):
        _, vectors = np.linalg.eigh(_operator(direction, operators, shape))
        best = vectors[:, :, -1]
        states = np.einsum("bi,bj->bij", best, best.conj())
        cut = states.reshape((len(states),) + (2,) * (2 * n))
        for p in range(n):
            others = [q for q in range(n) if q != p]
            terms = "".join(f",B{'ijk'[q]}{'uvw'[q]}{'xyz'[q]}" for q in others)
            gain = np.einsum(
                f"{'ijk'[:n]},B{'xyz'[:n]}{'uvw'[:n]}{terms}->B{'ijk'[p]}{'xyz'[p]}{'uvw'[p]}",
                tensor,
                cut,
                *(operators[q] for q in others),
                optimize=True,
            )
            operators[p] = _best_effects(scenario, p, gain)
        found.append(_moments(states, operators))
    return np.concatenate(found[-2:])


def _best_effects(scenario: Scenario, party: int, gain: Array) -> Array:
    """The operators of a party that get most, each setting telling two outcomes apart."""
    count = len(gain)
    found = [np.broadcast_to(np.eye(2), (count, 2, 2))]
    for s, d in enumerate(scenario.outcomes[party]):
        start = scenario.first[party][s]
        if d == 2:
            w, v = np.linalg.eigh(gain[:, start])
            found.append((v * np.where(w < 0, -1.0, 1.0)[:, None]) @ v.conj().transpose(0, 2, 1))
            continue
        if d == 1:
            continue
        gains = [gain[:, start + a] for a in range(d - 1)] + [np.zeros((count, 2, 2))]
        top, effects = np.full(count, -np.inf), np.zeros((count, d, 2, 2), dtype=complex)
        for a, b in combinations(range(d), 2):
            w, v = np.linalg.eigh(gains[a] - gains[b])
            value = np.trace(gains[b], axis1=1, axis2=2).real + np.maximum(w, 0).sum(axis=1)
            projector = (v * (w > 0)[:, None]) @ v.conj().transpose(0, 2, 1)
            better = value > top
            top = np.where(better, value, top)
            effects[better] = 0.0
            effects[better, a] = projector[better]
            effects[better, b] = np.eye(2) - projector[better]
        found += [effects[:, a] for a in range(d - 1)]
    return np.stack(found, axis=1)


def _roots(devices: Devices, entropy: Entropy) -> tuple[list[Array], list[Array]]:
    """Roots of the effects whose results are the key, and of those that are known besides (blind)."""
    alice = devices.effects(0)[entropy.x]
    parts = alice
    if any(entropy.channel) and len(alice) == 2:
        p, q = entropy.channel
        parts = [
            math.sqrt(1 - p) * alice[0] + math.sqrt(q) * alice[1],
            math.sqrt(p) * alice[0] + math.sqrt(1 - q) * alice[1],
        ]
    one = np.broadcast_to(np.eye(2), alice[0].shape)
    bob = [one] if entropy.y is None else devices.effects(1)[entropy.y]
    joint = [_kron(a, b) for a in parts for b in bob]
    return joint, [_kron(one, b) for b in bob] if entropy.blind else []


def _kron(a: Array, b: Array) -> Array:
    return np.einsum("bij,bkl->bikjl", a, b).reshape(len(a), 4, 4)


def _von_neumann(matrices: Array) -> Array:
    w = np.maximum(np.linalg.eigvalsh(matrices), 0.0)
    return -(w * np.log2(np.where(w > 1e-300, w, 1.0))).sum(axis=-1)


def entropies(states: Array, roots: tuple[list[Array], list[Array]]) -> Array:
    """Of the key given a purification of the states: Eve's conditional states have the spectra of N rho N."""
    own = sum(_von_neumann(n @ states @ n) for n in roots[0])
    known = sum((_von_neumann(n @ states @ n) for n in roots[1]), np.zeros(len(states)))
    return own - known if roots[1] else own - _von_neumann(states)


@lru_cache(maxsize=64)
def pool(scenario: Scenario, entropy: Entropy) -> tuple[Array, Array]:
    """Random pure and mixed states and devices, and singlets with noise: moments and entropies."""
    rng = np.random.default_rng(11)
    devices = Devices.random(scenario, POOL, rng)
    states = _random_states(rng, POOL)
    operators = [devices.operators(p) for p in (0, 1)]
    return _moments(states, operators), entropies(states, _roots(devices, entropy))


def _random_states(rng: np.random.Generator, count: int) -> Array:
    factors = rng.normal(size=(count, 4, 4)) + 1j * rng.normal(size=(count, 4, 4)) * rng.integers(0, 2, (count, 1, 1))
    factors[:, :, 1:] *= rng.choice([0.0, 0.1, 1.0], (count, 1, 1))
    singlet = np.array([1, 0, 0, 1]) / 2**0.5
    factors[: count // 4] = 0.0
    factors[: count // 4, :, 0] = singlet
    states = factors @ factors.conj().transpose(0, 2, 1)
    states /= np.trace(states, axis1=1, axis2=2)[:, None, None]
    noise = rng.choice([0.0, 1e-3, 0.05], count)[:, None, None]
    return (1 - noise) * states + noise * np.eye(4) / 4


def best_states(scenario: Scenario, entropy: Entropy, direction: Array) -> tuple[Array, Array]:
    """Devices and states with a large value of a functional less the entropy: moments and entropies."""
    rng = np.random.default_rng(13)
    devices = Devices.random(scenario, 2 * SEARCH, rng)
    moments, costs = _fixed_points(devices, entropy, direction, 6)
    found = [(moments, costs)]
    for size in (0.15, 0.03):
        best = np.argsort(costs - moments @ direction)[:4]
        chosen = np.repeat(best, SEARCH // 4)
        moved = devices.moved(chosen, size, rng)
        for party, kept in zip(moved.vectors, devices.vectors, strict=True):
            party[:: SEARCH // 4] = kept[best]
        devices = moved
        moments, costs = _fixed_points(devices, entropy, direction, 16)
        found.append((moments, costs))
    return np.concatenate([m for m, _ in found]), np.concatenate([c for _, c in found])


def _fixed_points(devices: Devices, entropy: Entropy, direction: Array, steps: int) -> tuple[Array, Array]:
    operators = [devices.operators(p) for p in (0, 1)]
    roots = _roots(devices, entropy)
    scale = max(1.0, np.abs(direction).sum() / 200.0)  # floats only decide where to look
    k = LN2 * _operator(direction / scale, operators, devices.scenario.shape)
    states = np.broadcast_to(np.eye(4) / 4, k.shape)
    for _ in range(steps):
        gradient = sum(n @ _log(n @ states @ n) @ n for n in roots[0])
        if roots[1]:  # + log of the state, instead of what the known outcomes leave
            gradient = gradient + _log(states) - sum(n @ _log(n @ states @ n) @ n for n in roots[1])
        w, v = np.linalg.eigh(k + gradient)
        p = np.exp(w - w.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        states = (v * p[:, None]) @ v.conj().transpose(0, 2, 1)
    return _moments(states, operators), entropies(states, roots)


def _log(matrices: Array) -> Array:
    w, v = np.linalg.eigh(matrices)
    return (v * np.log(np.maximum(w, 1e-16))[:, None]) @ v.conj().transpose(0, 2, 1)


# --- mixtures with the tested values --------------------------------------------------------------------------------


def _data(question: Question, rounds: int = 2) -> str | None:
    """Is there a mixture with the tested values that costs less than is claimed?"""
    scenario = question.scenario
    if scenario.size > MOST_COORDINATES or question.follows:
        return None  # what the functional says was tried
    rows, low, high = _rows(scenario, question.tested, question.values, question.tolerances)
    moments, costs = _start(question)
    for turn in range(rounds + 1):
        if not len(moments):
            return None
        found = _mixture(moments @ rows.T, costs, low, high)
        if found is None:
            return None
        cost, slopes, level, fits = found
        if fits and cost < question.least - question.slack - TOLERANCE * (1.0 + np.abs(slopes).sum()):
            return (
                f"A mixture of explicit strategies with the tested values has {cost}, and {question.least} is claimed."
            )
        if turn == rounds or question.model == "local":
            return None
        direction = slopes @ rows
        direction[0] += level
        more = [_search(question, d) for d in _linear_directions(question, direction)]
        moments = np.concatenate([moments, *(m for m, c in more if len(m))])
        costs = np.concatenate([costs, *(c for _, c in more if len(c))])
    return None


def _linear_directions(question: Question, direction: Array) -> list[Array]:
    if question.entropy is not None:
        return [direction]
    return [direction + flat(o, question.scenario.shape) for o in question.objectives[:MOST_OBJECTIVES]]


def _tests(observed: Any, scenario: Scenario) -> tuple[Scenario, list[Tensor], list[Fraction], list[Fraction]]:
    return (
        scenario,
        [read_tensor(item["coefficients"], scenario.shape) for item in observed],
        [number(item["value"]) for item in observed],
        [number(item["tolerance"]) for item in observed],
    )


def _rows(
    scenario: Scenario, tested: Sequence[Tensor], values: Sequence[Fraction], tolerances: Sequence[Fraction]
) -> tuple[Array, Array, Array]:
    """Tested expressions without constants and of size one, and the ends of their values."""
    zero = (0,) * len(scenario.shape)
    rows, low, high = [], [], []
    for tensor, value, tolerance in zip(tested, values, tolerances, strict=True):
        rest = {index: c for index, c in tensor.items() if index != zero}
        size = max(map(abs, rest.values()), default=Fraction(1))
        centre = (value - tensor.get(zero, 0)) / size
        rows.append(flat({index: c / size for index, c in rest.items()}, scenario.shape))
        low.append(float(centre - tolerance / size))
        high.append(float(centre + tolerance / size))
    shape = (len(rows), scenario.size)
    return np.array(rows).reshape(shape), np.array(low), np.array(high)


def _start(question: Question) -> tuple[Array, Array]:
    """Strategies to begin with, and what they cost."""
    scenario = question.scenario
    points = deterministic(scenario)
    moments, costs = np.zeros((0, scenario.size)), np.zeros(0)
    if points is not None:
        moments = points.astype(float)
        costs = np.full(len(points), _certain(question)) if question.entropy is not None else _costs(question, moments)
    if question.model == "local":
        return moments, costs
    if question.entropy is not None:
        more, theirs = pool(scenario, question.entropy)
    else:
        more = _behaviours(scenario, question.model)
        theirs = _costs(question, more)
    own = [moments, more] if len(more) else [moments]
    return np.concatenate(own), np.concatenate([costs, theirs])


@lru_cache(maxsize=64)
def _behaviours(scenario: Scenario, model: str) -> Array:
    """Behaviours of the model that are extreme in some directions."""
    rng = np.random.default_rng(17)
    found = []
    for _ in range(8):
        direction = rng.choice([-1.0, 0.0, 1.0], scenario.size)
        if model == "no-signaling":
            best = _no_signaling(scenario, direction)
            found += [best[None]] if best is not None else []
        elif len(scenario.outcomes) <= 3:
            found.append(see_saw(scenario, direction))
    return np.concatenate(found) if found else np.zeros((0, scenario.size))


def _mixture(table: Array, costs: Array, low: Array, high: Array) -> tuple[float, Array, float, bool] | None:
    """The least cost of weights whose means lie in the intervals; slopes and level of its dual; whether it fits.

    Means may miss the intervals at a price, so that there always is a dual. The weights that are not zero are solved
    for again, for the solver is content with 1e-7.
    """
    n, j = table.shape
    price = 100.0 * (1.0 + np.abs(costs).max())
    low, high = np.clip(low, -1e6, 1e6), np.clip(high, -1e6, 1e6)
    narrow = high - low < 1e-8
    centre = (low + high) / 2
    target = np.where(narrow, centre, np.clip(0, low, high))
    rows = np.hstack([table.T, np.eye(j), -np.eye(j)])
    upper, lower = rows[~narrow], -rows[~narrow]
    found = linprog(
        np.concatenate([costs, np.full(2 * j, price)]),
        A_eq=np.vstack([np.concatenate([np.ones(n), np.zeros(2 * j)])[None], rows[narrow]]),
        b_eq=np.concatenate([[1.0], target[narrow]]),
        A_ub=np.vstack([upper, lower]) if len(upper) else None,
        b_ub=np.concatenate([high[~narrow], -low[~narrow]]) if len(upper) else None,
        method="highs",
    )
    if found.x is None:
        return None
    slopes = np.zeros(j)
    slopes[narrow] = found.eqlin.marginals[1:]
    if len(upper):
        slopes[~narrow] = found.ineqlin.marginals[: len(upper)] - found.ineqlin.marginals[len(upper) :]
    chosen = found.x[:n] > 1e-10
    equations = np.vstack([np.ones(chosen.sum())[None], table[chosen].T[narrow]])
    weights = found.x[:n][chosen]
    weights = (
        weights + np.linalg.lstsq(equations, np.concatenate([[1.0], centre[narrow]]) - equations @ weights, None)[0]
    )
    means = table[chosen].T @ weights
    room = np.maximum((high - low) / 2, 2e-13)
    fits = abs(weights.sum() - 1.0) < 1e-12 and weights.min(initial=0.0) >= 0.0
    fits = bool(fits and (np.abs(means - centre) <= room).all())
    return float(weights @ costs[chosen]), slopes, float(found.eqlin.marginals[0]), fits


# --- self-tests -----------------------------------------------------------------------------------------------------


def _self_test(question: Question) -> str | None:
    """At the maximum of an expression in correlators, or with given correlators, the singlet's entropies are known."""
    asked = question.entropy
    assert asked is not None
    if asked.y is None:
        return None  # one bit, the range
    correlator, values = (asked.x, asked.y), {}
    for tensor, value in zip(question.tested, question.values, strict=True):
        rest = {index: c for index, c in tensor.items() if any(index)}
        if len(rest) == 1 and all(next(iter(rest))):
            (index, c) = next(iter(rest.items()))
            values[index[0] - 1, index[1] - 1] = float((value - tensor.get((0, 0), 0)) / c)
    if correlator in values:
        e = values[correlator]
    elif len(question.tested) == 1:
        e = _at_maximum(question.tested[0], question.values[0])[correlator]
    else:
        return None
    most = h((1 + e) / 2) + (0.0 if asked.blind else 1.0)
    if float(question.claimed) > most + TOLERANCE:
        return f"The self-tested correlator {e} leaves {most} bits, and {question.least} are claimed."
    return None


def _at_maximum(tensor: Tensor, value: Fraction) -> Array:
    """The correlators where an expression in them is largest, or least if the value is nearer to that."""
    c = np.array([[float(tensor.get((i, j), 0)) for j in (1, 2)] for i in (1, 2)])
    sign = 1.0 if value > tensor.get((0, 0), 0) else -1.0

    def lengths(t: float) -> Array:
        return np.sqrt(np.maximum(c[0] ** 2 + c[1] ** 2 + 2 * c[0] * c[1] * t, 0.0))

    def slope(t: float) -> float:
        return float((c[0] * c[1] / np.maximum(lengths(t), 1e-12)).sum())

    t = brentq(slope, -1.0, 1.0, xtol=1e-15) if slope(-1.0) * slope(1.0) < 0 else 1.0
    return sign * np.array([c[0] + c[1] * t, c[1] + c[0] * t]) / np.maximum(lengths(t), 1e-12)


# --- attacks --------------------------------------------------------------------------------------------------------


def _attack(question: Mapping[str, Any], claimed: float) -> str | None:
    """Upper bounds on the least entropy, or on the information, are not below what CHSH values in the data prove."""
    scenario, figure = Scenario.read(question["scenario"]), question["figure"]
    x, y = figure["x"], figure["y"]
    least = 0.0
    if scenario.size <= MOST_COORDINATES:
        rows, low, high = _rows(*_tests(question["observed"], scenario))
        table = np.vstack([flat({(0, 0): Fraction(1)}, scenario.shape), rows])
        values, widths = np.concatenate([[1.0], (low + high) / 2]), np.concatenate([[0.0], (high - low) / 2])
        flips, other = channel(figure)
        least = min(h(flips), h(other))
        s = _chsh(scenario, x, table, values, widths)
        if s > 2.0 and flips == other:
            u = math.sqrt(min(s * s / 4, 2.0) - 1.0)
            v = math.sqrt((1 - 2 * flips) ** 2 + 4 * flips * (1 - flips) * u * u)
            least = 1.0 + h((1 + v) / 2) - h((1 + u) / 2)
        if figure["kind"] == "conditional_mutual_information":
            least = max(0.0, least - _equivocation(scenario, x, y, table, values))
    if claimed < least - 1e-7:
        return f"The data prove {least}, and a strategy with {claimed} is claimed."
    return None


def _known(target: Array, table: Array, values: Array, widths: Array) -> float:
    """The least value of a functional that the tested ones fix; -inf if they do not."""
    parts = np.linalg.lstsq(table.T, target, None)[0]
    if np.abs(parts @ table - target).max() > 1e-10:
        return -math.inf
    return float(parts @ values - np.abs(parts) @ widths)


def _chsh(scenario: Scenario, x: int, table: Array, values: Array, widths: Array) -> float:
    """The largest CHSH value of the key's setting that the data prove."""
    best = 0.0
    one, other = scenario.outcomes
    if one[x] != 2:
        return best
    for x2, (y, y2) in product(range(len(one)), combinations(range(len(other)), 2)):
        if x2 == x or one[x2] != 2 or other[y] != 2 or other[y2] != 2:
            continue
        for odd, sign in product(range(4), (1, -1)):
            target = np.zeros(scenario.shape)
            for k, (a, b) in enumerate(product((x, x2), (y, y2))):
                target[scenario.first[0][a], scenario.first[1][b]] = -sign if k == odd else sign
            best = max(best, _known(target.reshape(-1), table, values, widths))
    return best


def _equivocation(scenario: Scenario, x: int, y: int, table: Array, values: Array) -> float:
    """H(A|B) of the data; infinite if they do not fix it."""
    total = 0.0
    for b in range(scenario.outcomes[1][y]):
        column = [
            _known(flat(scenario.probability([(x, a), (y, b)]), scenario.shape), table, values, np.zeros(len(values)))
            for a in range(scenario.outcomes[0][x])
        ]
        if min(column) == -math.inf:
            return math.inf
        column = [max(p, 0.0) for p in column]
        total += sum(p * math.log2(sum(column) / p) for p in column if p > 1e-12)
    return total


# --- finite lengths -------------------------------------------------------------------------------------------------


def _finite(root: Mapping[str, Any]) -> str | None:
    question, proof, claim = root["question"], root["proof"], root["claim"]
    renyi = "renyi_accumulation" in proof
    for part in () if renyi else ("entropy", "least", "most"):
        if (found := contradiction(proof[part])) is not None:
            return f"In proof.{part}: {found}"
    scenario, figure = Scenario.read(question["scenario"]), question["figure"]
    one, other = scenario.outcomes
    n, key = figure["rounds"], figure["kind"] == "finite_key_length"
    x, y, noisy = figure["x"], figure["y"], channel(figure)
    length, threshold = float(number(claim["value"])), float(number(claim["threshold"]))
    most = max(one) * (1 if key else max(other))

    given = {name: float(number(v)) for name, v in proof["renyi_accumulation" if renyi else "accumulation"].items()}
    gamma = given["gamma"]
    size, widest = (len(one), len(other)), (max(one), max(other))
    drawn = np.array([[float(number(v)) for v in row] for row in proof["distribution"]])
    drawn = drawn / drawn.sum()
    inputs = 0.0
    if "inputs" in figure:  # the tests and their settings are bits that were spent
        inputs = h(gamma) - gamma * float(sum(p * math.log2(p) for p in drawn.flat if p > 0))
    if length > n * (math.log2(most) + inputs) + 1e-6:
        return f"{n} rounds have {most} outcomes each, and {length} bits are claimed."
    table = {i: float(v) for i, v in read_tensor(proof["scores"], (*widest, *size)).items()}
    results = [
        (a, b, s, t)
        for s, t in product(range(size[0]), range(size[1]))
        for a, b in product(range(one[s]), range(other[t]))
    ]
    behaviour = {i: float(p) for i, p in read_tensor(question["behaviour"], (*widest, *size)).items()}
    for i, p in behaviour.items():
        if i not in results and p > TOLERANCE:
            return f"The honest devices have the outcome {i}, which the scenario has not."

    seen = [table.get(i, 0.0) for i in results if drawn[i[2:]]]
    own = drawn[x].sum() if key or y is None else drawn[x, y]
    weight = 1 - gamma + (0.0 if any(noisy) else gamma * own)
    if renyi:  # scores are those of a round
        rest, front, moved = float(number(proof["untested"])), gamma, (1 - gamma) * float(number(proof["untested"]))
    else:
        rest, front, moved = weight * (min(seen) + given["place"] * (max(seen) - min(seen))), weight, 0.0

    def score(place: tuple[int, ...]) -> float:
        one_score = table.get(place, 0.0)
        return one_score if renyi else rest + (weight * one_score - rest) / gamma

    def mean(p: Mapping[tuple[int, ...], float]) -> tuple[float, float]:
        """Of the score of a round of devices, and its deviation."""
        chances = [(1 - gamma, rest)] + [(gamma * drawn[i[2:]] * p.get(i, 0.0), score(i)) for i in results]
        m = sum(c * v for c, v in chances)
        return m, math.sqrt(max(sum(c * (v - m) ** 2 for c, v in chances), 0.0))

    m, deviation = mean(behaviour)
    miss = threshold - m - 1e-9 * (1 + abs(m))
    if miss > 0 and 1 - deviation**2 / (deviation**2 + n * miss**2) > float(number(figure["completeness"])) + 1e-9:
        return f"Honest devices have the mean score {m}, and the threshold is {threshold}."

    # Devices that pass with probability 1/4 or more (Cantelli) and of which Eve knows everything
    if key and not renyi:
        allowed = float(number(claim["most_tests"]))
        often = allowed >= n or allowed >= n * gamma + math.sqrt(3 * n * gamma * (1 - gamma))
    else:
        often = True
    secret = n * (max(map(h, noisy)) + inputs)
    if float(number(figure["soundness"])) > 0.1 or not often or length < secret + 1.0 + 1e-9 * n:
        return None
    if math.prod(d for row in scenario.outcomes for d in row) > MOST_STRATEGIES:
        return None
    for first in product(*map(range, one)):
        for second in product(*map(range, other)):
            certain = {(first[s], second[t], s, t): 1.0 for s, t in product(range(size[0]), range(size[1]))}
            m, deviation = mean(certain)
            if m - deviation / math.sqrt(n) >= threshold + 1e-9 * (1 + abs(m)):
                return f"The deterministic devices {first}, {second} pass the test, and {length} bits are claimed."
    sent = n * (1 - gamma) * _sent(scenario, figure, behaviour) if key else 0.0
    return _independent(scenario, figure, table, drawn, front, threshold - moved, gamma, length + sent - n * inputs)


def _sent(scenario: Scenario, figure: Mapping[str, Any], behaviour: Mapping[tuple[int, ...], float]) -> float:
    """H(A|B) of the key of honest devices, which no code can do without."""
    x, y, (p, q) = figure["x"], figure["y"], channel(figure)
    total = 0.0
    for b in range(scenario.outcomes[1][y]):
        column = [behaviour.get((a, b, x, y), 0.0) for a in range(scenario.outcomes[0][x])]
        if p or q:
            column = [(1 - p) * column[0] + q * column[1], p * column[0] + (1 - q) * column[1]]
        total += sum(v * math.log2(sum(column) / v) for v in column if v > 0)
    return total


def _independent(
    scenario: Scenario,
    figure: Mapping[str, Any],
    scores: Mapping[tuple[int, ...], float],
    drawn: Array,
    weight: float,
    threshold: float,
    gamma: float,
    length: float,
) -> str | None:
    """Devices whose rounds are alike and that pass have n H bits, and what a finite number of rounds may add.

    ``length`` includes what is sent, and no bits of inputs.
    """
    entropy = Entropy(
        figure["x"],
        None if figure["kind"] == "finite_key_length" else figure["y"],
        channel(figure),
    )
    tensor = add(
        *(
            (Fraction(drawn[i[2:]] * score), scenario.probability([(i[2], i[0]), (i[3], i[1])]))
            for i, score in scores.items()
            if i[0] < scenario.outcomes[0][i[2]] and i[1] < scenario.outcomes[1][i[3]]
        )
    )
    direction = flat(tensor, scenario.shape)
    moments, costs = best_states(scenario, entropy, direction)
    passing = costs[weight * (moments @ direction) >= threshold + 1e-6 * (1 + abs(threshold))]
    if not len(passing):
        return None
    n, d = figure["rounds"], max(scenario.outcomes[0]) * max(scenario.outcomes[1])
    soundness = float(number(figure["soundness"]))
    most = n * ((1 - gamma) * passing.min() + gamma * math.log2(d))
    most += 10 * math.log2(1 + 2 * d) * math.sqrt(n * math.log2(4 / soundness)) + 100
    if length > most:
        return f"Devices that pass have {passing.min()} bits a round, and {length} bits of {n} rounds are claimed."
    return None


# --- boxes ----------------------------------------------------------------------------------------------------------


def _boxes(question: Mapping[str, Any], claimed: Fraction) -> str | None:
    reached = attained(question)
    if float(claimed) < reached - TOLERANCE:
        return f"Eve reaches {reached} by splitting the boxes, and at most {float(claimed)} is claimed."
    return None


def attained(question: Mapping[str, Any]) -> float:
    """What Eve reaches by parts of which she knows all, and guesses as well as she can for the rest."""
    given, distance = question["boxes"], question["figure"]["kind"] == "distance_from_uniform"
    if given["kind"] == "joint":
        return _joint(question, distance)
    matrix = np.array(question["function"]["matrix"])
    k, n = 2 ** len(matrix), matrix.shape[1]
    if given["kind"] == "depolarised":
        errors = np.array([v / given["denominator"] for v in given["patterns"]])
    else:
        counts = [sum(e) for e in product((0, 1), repeat=n)] if n <= 6 else []
        errors = np.array([given["errors"][c] / given["denominator"] / math.comb(n, c) for c in counts])
    if n > 6:
        return 0.0 if distance else 1.0 / k
    return _by_patterns(tuple(map(tuple, matrix.tolist())), tuple(errors.tolist()), distance)


@lru_cache(maxsize=256)
def _by_patterns(matrix: tuple[tuple[int, ...], ...], errors: tuple[float, ...], distance: bool) -> float:
    """Each box is a PR box or its opposite (no error, an error), or local with an error in 1/4 or 3/4 of the settings.

    Eve knows the outcomes of the local ones. Given these the function is uniform on 2^rank values.
    """
    n, k = len(matrix[0]), 2 ** len(matrix)
    kinds = np.array([[1, 0], [0, 1], [0.75, 0.25], [0.25, 0.75]])
    table, gains = np.ones((1, 1)), []
    for _ in range(n):
        table = np.kron(table, kinds)
    for choice in product(range(4), repeat=n):
        rank = _rank([[row[i] for i in range(n) if choice[i] < 2] for row in matrix])
        gains.append(1.0 - 2.0**rank / k if distance else 2.0**-rank)
    found = linprog(-np.array(gains), A_eq=table.T, b_eq=np.array(errors), method="highs", options=SHARP)
    return _sure(found)


def _sure(found: Any) -> float:
    """The largest value of a program, less what its small violations may have gained."""
    missed = -np.abs(found.eqlin.marginals) @ np.abs(found.eqlin.residual)
    return float(-found.fun + missed + np.minimum(found.x, 0.0).sum())


def _rank(rows: list[list[int]]) -> int:
    """Over GF(2)."""
    found, numbers = 0, [sum(v << i for i, v in enumerate(row)) for row in rows]
    while numbers:
        pivot = numbers.pop()
        if pivot:
            found += 1
            low = pivot & -pivot
            numbers = [v ^ pivot if v & low else v for v in numbers]
    return found


def _joint(question: Mapping[str, Any], distance: bool) -> float:
    given = question["boxes"]
    n = len(given["settings"])
    scenario = Scenario(tuple((2,) * s for pair in given["settings"] for s in pair))
    settings = [s for pair in question["inputs"] for s in pair]
    outcomes = list(product((0, 1), repeat=n))
    function = question["function"]
    if function["kind"] == "table":
        labels = dict(zip(outcomes, function["values"], strict=True))
    else:
        rows = function["matrix"]
        labels = {
            x: sum(sum(a * b for a, b in zip(row, x, strict=True)) % 2 << i for i, row in enumerate(rows))
            for x in outcomes
        }
    k = max(labels.values()) + 1 if function["kind"] == "table" else 2 ** len(function["matrix"])
    # coordinates 1, P(0|0), P(0|1), .. of each interface
    p = np.array([v / given["denominator"] for v in given["coordinates"]]).reshape(scenario.shape)
    probabilities = p
    for axis in range(2 * n):
        columns = np.moveaxis(probabilities, axis, 0)
        rows = [v for c in columns[1:] for v in (c, columns[0] - c)]
        probabilities = np.moveaxis(np.array(rows), 0, axis)

    def chances(table: Array) -> Array:
        """Of the values of the function at the settings that Eve knows, for tables of all probabilities."""
        found = np.zeros(k)
        for x in outcomes:
            for y in outcomes:
                place = [
                    2 * s + o
                    for s, o in zip(settings, [o for pair in zip(x, y, strict=True) for o in pair], strict=True)
                ]
                found[labels[x]] += table[tuple(place)]
        return found

    whole = chances(probabilities)
    best = 0.0 if distance else whole.max()
    if math.prod(d for row in scenario.outcomes for d in row) > 256:
        return best
    answers = [list(product((0, 1), repeat=len(row))) for row in scenario.outcomes]
    known, columns = [], []
    for choice in product(*answers):
        known.append(labels[tuple(choice[2 * i][settings[2 * i]] for i in range(n))])
        vectors = [np.array([float(o == a) for a in own for o in (0, 1)]) for own in choice]
        column = vectors[0]
        for v in vectors[1:]:
            column = np.multiply.outer(column, v)
        columns.append(column.reshape(-1))
    table, names = np.array(columns).T, np.array(known)

    def largest(gains: Array) -> float:
        """Of the weights of deterministic parts."""
        room = np.maximum(probabilities.reshape(-1), 0.0)
        return float(-linprog(-gains, A_ub=table, b_ub=room, method="highs", options=SHARP).fun)

    if distance:  # for each value its parts, or all but those of the other values
        own = [(1 - 1 / k) * largest((names == t).astype(float)) for t in range(k)]
        others = [whole[t] - 1 / k + largest((names != t).astype(float)) / k for t in range(k)]
        return float(np.maximum(own, others).sum())
    return max(best, *(whole[t] + largest((names != t).astype(float)) for t in range(k)))
