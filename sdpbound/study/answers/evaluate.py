"""From a task to its rows: one program for each choice of settings, and every figure of merit from its bound."""

from __future__ import annotations

import math
import time
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic_core import to_json

from sdpbound.adversaries.adversary import Adversary
from sdpbound.attacks.entropy_attack import conditional_entropy_upper_bound
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bell_value import maximize, minimize
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.guessing import blind_guessing_probability, guessing_probability
from sdpbound.bounds.proof import as_min_entropy
from sdpbound.bounds.rounding import lower_float
from sdpbound.entropies.conditional import EntropyBound, VonNeumann, conditional_entropy
from sdpbound.entropies.known import KnownEntropy
from sdpbound.entropies.qubits.entropy import QubitEntropyBound
from sdpbound.entropies.self_test import SelfTest, find_self_test
from sdpbound.errors import Infeasible, InvalidInput, SolverFailure
from sdpbound.finite_size import FiniteLength
from sdpbound.rates.rates import Rate, best_preprocessing, error_correction, key_rate, leakage, randomness_rate
from sdpbound.rates.upper import FROM_DATA, RANDOMNESS
from sdpbound.study.answers.best_member import better_point
from sdpbound.study.answers.blank import blank, expression_of, observations
from sdpbound.study.answers.critical import critical_row
from sdpbound.study.answers.finite import finite_length, functionals
from sdpbound.study.answers.limits import kept
from sdpbound.study.answers.no_signaling import no_signaling_columns
from sdpbound.study.file.questions import BEST
from sdpbound.study.file.spec import Quantity
from sdpbound.study.plan import Point, Task
from sdpbound.study.store.answer import Answer
from sdpbound.study.store.form import LARGEST, certificate_name
from sdpbound.tables.columns import Row

__all__ = ["APPROXIMATE", "ATTACK", "closed_form", "closed_value", "evaluate", "failed", "ideal_guess", "least_leak"]


#: What the method of an attack's row is: the tested values are met, or nearly.
ATTACK, APPROXIMATE = "attack", "approximate attack"


# -- task -> rows -------------------------------------------------------------------------------------------------


def evaluate(task: Task) -> Answer:
    """Solve a task: one row for each quantity at its point, and one for each quantity that is better elsewhere."""
    evaluation = _Evaluation(task)
    # in an order of their own, whatever the study's: a search begins where other quantities were solved; the key rate
    # first, as it varies, by its error correction, where the guessing probability is a plateau
    order = sorted(task.quantities, key=lambda quantity: (quantity.name != "key_rate", quantity.identity))
    cells = {quantity: [evaluation.row(task.point, quantity)] for quantity in order}
    if task.search is not None:
        for quantity in order:
            best = better_point(evaluation, quantity, cells[quantity][0])
            if best is not None:
                cells[quantity].append(evaluation.row(best, quantity) | {"place": best.name})
    return Answer([cells[quantity] for quantity in task.quantities], evaluation.certificates)


def failed(task: Task, message: str) -> Answer:
    """The answer for a task that no solver answered."""
    return Answer([[blank(task, task.point, q) | {"status": "failed", "error": message}] for q in task.quantities])


@dataclass(frozen=True)
class _Solved:
    """A bound, or why there is none."""

    bound: Bound | None
    seconds: float
    status: str = ""
    error: str = ""
    separation: Bound | None = None


@dataclass
class _Evaluation:
    """What a task has solved so far."""

    task: Task
    certificates: dict[str, bytes] = field(default_factory=dict)
    _solved: dict[tuple[Point, tuple[Any, ...]], _Solved] = field(default_factory=dict)
    _functionals: dict[tuple[Point, tuple[Any, ...]], list[EntropyBound]] = field(default_factory=dict)
    _flips: dict[tuple[Point, tuple[Any, ...]], float] = field(default_factory=dict)
    _data: dict[Point, tuple[Behaviour, Observations, SelfTest | None]] = field(default_factory=dict)

    @cached_property
    def model(self) -> Adversary:
        return self.task.model

    def data(self, point: Point) -> tuple[Behaviour, Observations, SelfTest | None]:
        """The behaviour, what is tested of it, and the self-test that this is, if any."""
        if point not in self._data:
            behaviour, observed = observations(self.task, point)
            test = find_self_test(observed) if self.model.self_tests else None
            self._data[point] = behaviour, observed, test
        return self._data[point]

    def solved_points(self, quantity: Quantity) -> list[Point]:
        """Where the program behind the quantity is solved already."""
        return [point for point, program in self._solved if program == quantity.program]

    def solve(self, point: Point, quantity: Quantity) -> _Solved:
        key = (point, quantity.program)
        if key not in self._solved:
            self._solved[key] = self._solve(point, quantity)
        return self._solved[key]

    def _solve(self, point: Point, quantity: Quantity) -> _Solved:
        start = time.perf_counter()
        try:
            bound = self._bound(point, quantity)
        except Infeasible as answer:
            return _Solved(None, time.perf_counter() - start, "infeasible", str(answer), answer.bound)
        except Exception as error:  # of a solver or of linear algebra: this row has failed, the study goes on
            return _Solved(None, time.perf_counter() - start, "failed", f"{type(error).__name__}: {error}")
        return _Solved(bound, time.perf_counter() - start)

    def _bound(self, point: Point, quantity: Quantity) -> Bound:
        settings = self.task.solver
        kind, x, y, *_ = quantity.program
        if quantity.group == "expression":
            optimise = maximize if kind == "bell_maximum" else minimize
            return optimise(expression_of(point), self.model, None, settings.name, settings.tolerance)
        _, observed, _ = self.data(point)
        if kind == "entropy":
            return conditional_entropy(
                observed, x, y, _method(quantity, settings.name), self.flips(point, quantity), closed_forms=False
            )
        if kind == "attack":
            flips = self.flips(point, quantity)
            try:
                # without noise the devices themselves are an attack that has the data exactly
                own = point.member.strategy
                given = () if own is None else (own,)
                return conditional_entropy_upper_bound(observed, x, y, flips, strategies=given)
            except SolverFailure:  # of the weights' program, with a strategy more than it needs
                return conditional_entropy_upper_bound(observed, x, y, flips)
        bounded = blind_guessing_probability if kind == "blind" else guessing_probability
        return bounded(observed, self.model, x, y, settings.name, settings.tolerance)

    def flips(self, point: Point, quantity: Quantity) -> float:
        """The preprocessing of a quantity, searched if the best one is asked for."""
        if quantity.preprocessing != BEST:
            return quantity.preprocessing or 0.0
        key = (point, quantity.program)
        if key not in self._flips:
            behaviour, observed, _ = self.data(point)
            x, y = quantity.settings
            method = _method(quantity, self.task.solver.name)
            rate = best_preprocessing(behaviour, observed, x, y, method, closed_forms=False)
            self._flips[key] = rate.preprocessing
        return self._flips[key]

    def score(self, point: Point, quantity: Quantity) -> float:
        """The quantity, larger is better; by its closed form where there is one, -inf where it failed."""
        behaviour, observed, test = self.data(point)
        if test is None:
            bound = self.solve(point, quantity).bound
            if bound is None:
                return -math.inf
            if quantity.name.startswith("guess"):
                return -bound.value
            return self._rate(quantity, behaviour, observed, bound).value
        if quantity.name.startswith("guess"):
            return -closed_value(test, quantity)
        if quantity.name == "key_rate" and point.singlet is not None:  # searches are in the singlet family
            x, y = quantity.settings
            return test.entropy(x).value - point.singlet.key_leak(x, y or 0)
        return _tested(test, quantity).value

    def _rate(
        self, quantity: Quantity, behaviour: Behaviour, observed: Observations, bound: Bound, flips: float = 0.0
    ) -> Rate:
        (x, y), entropy = quantity.settings, bound if quantity.group == "entropy" else as_min_entropy(bound)
        if quantity.name == "key_rate":
            known = KnownEntropy(entropy, x)
            return key_rate(behaviour, observed, x=x, y=y, entropy=known, preprocessing=flips)
        local, blind = quantity.name == "randomness_local", quantity.name == "randomness_blind"
        known = KnownEntropy(entropy, x, y)
        return randomness_rate(behaviour, observed, local=local, x=x, y=y, entropy=known, blind=blind)

    def row(self, point: Point, quantity: Quantity) -> Row:
        """The row of a quantity at a point; with an error and no value where it failed."""
        row = blank(self.task, point, quantity)
        if quantity.group == "point":
            try:
                value = closed_form(point, quantity)
            except InvalidInput as error:
                return row | {"status": "failed", "error": f"{type(error).__name__}: {error}", "seconds": 0.0}
            return row | {"value": value, "method": "closed form", "status": "closed form", "seconds": 0.0}
        if quantity.group == "threshold" or quantity.rounds is not None:
            return row | self._apart(point, quantity)
        solved = self.solve(point, quantity)
        row["seconds"] = solved.seconds
        if solved.bound is None:
            proof = None if solved.separation is None else self._certificate(solved.separation)
            return row | {"status": solved.status, "error": solved.error, "certificate": proof}
        bound = solved.bound
        # "infeasible" and "failed" are for rows without a value, whatever a solver said of a dual that proves a bound
        status = "stopped early" if bound.status in ("infeasible", "failed") else bound.status
        row |= {"solver": bound.solver, "status": status, "method": "certified", "value": bound.value}
        row |= {"margin": kept(bound.correction, quantity, point), "certificate": self._certificate(bound)}
        flips = self.flips(point, quantity)
        if quantity.preprocessing == BEST:
            row["preprocessing"] = flips
        if isinstance(bound, EntropyBound):
            row["gap"] = kept(gap_of(bound), quantity, point)
        if quantity.group == "expression":
            return row
        if isinstance(bound, EntropyAttack):
            return row | self._attacked(point, quantity, bound, flips)
        behaviour, observed, test = self.data(point)
        if quantity.group == "no-signaling":
            x, y = quantity.settings
            columns = no_signaling_columns(quantity, bound, error_correction(behaviour, x, y or 0))
            return row | {"margin": None} | columns
        if not quantity.kind.rate:
            if test is not None and not flips:
                proof = self._certificate(_tested(test, quantity))
                row |= _beside(row, closed_value(test, quantity), bound.value, proof)
            return row
        rate = self._rate(quantity, behaviour, observed, bound, flips)
        if quantity.group == "data":
            row["margin"] = kept(as_min_entropy(bound).correction, quantity, point)
        row |= {"value": rate.value, "security": rate.security, "entropy": rate.entropy.value}
        if quantity.name == "key_rate":
            row["error_correction"] = rate.error_correction
        if rate.sdp is not None:
            row |= _beside(row, rate.value, rate.sdp.value, self._certificate(rate.entropy))
        return row

    def _apart(self, point: Point, quantity: Quantity) -> Row:
        """What is found of a critical value, or of a length from finitely many rounds."""
        start = time.perf_counter()
        try:
            method = _method(quantity, self.task.solver.name)
            if quantity.rounds is None:
                row = critical_row(self.task, point, quantity, method, self._certificate)
            else:
                row = self._finite(point, quantity, method)
        except Exception as error:  # as in _solve
            row = {"status": "failed", "error": f"{type(error).__name__}: {error}"}
        return row | {"seconds": time.perf_counter() - start}

    def _finite(self, point: Point, quantity: Quantity, method: VonNeumann) -> Row:
        """A length from finitely many rounds, by the best of functionals that are solved for once."""
        behaviour, observed, _ = self.data(point)
        key = (point, quantity.program)
        if key not in self._functionals:
            self._functionals[key] = functionals(behaviour, observed, quantity, method)
        bounds = self._functionals[key]
        found = finite_length(behaviour, observed, quantity, bounds)
        own = {"method": "certified", "value": found.length, "security": found.theorem}
        return own | {
            "solver": bounds[0].solver,
            "status": "solved",
            "certificate": self._certificate(found),
        }

    def _attacked(self, point: Point, quantity: Quantity, attack: EntropyAttack, flips: float) -> Row:
        """What an attack makes of a quantity."""
        row: Row = {"method": ATTACK if attack.exact else APPROXIMATE}
        if quantity.kind.rate:
            value, leak = attack.value, None
            if quantity.name == "key_rate_attack":
                leak = least_leak(self.data(point)[0], quantity, flips)
                value = math.nextafter(value - leak, math.inf)  # the subtraction rounds once
            row |= {"value": value, "entropy": attack.value, "error_correction": leak}
            row["security"] = RANDOMNESS if leak is None else FROM_DATA
        return row

    def _certificate(self, bound: Bound | FiniteLength) -> str | None:
        """The name of a bound's certificate, which is kept, or None if the study keeps none."""
        if not self.task.certificates:
            return None
        # three times as fast as json.dumps; a number that is not finite stays visible, and the checker refuses it
        text = to_json(bound.certificate.data, inf_nan_mode="constants")
        if len(text) > LARGEST:
            raise InvalidInput(
                f"a certificate has {len(text)} bytes, and at most {LARGEST} are stored; set certificates = false."
            )
        name = certificate_name(text)
        if name not in self.certificates:
            self.certificates[name] = zlib.compress(text, 3)  # beyond this, more time than space
        return name


def _method(quantity: Quantity, solver: str | None) -> VonNeumann:
    """How a quantity's von Neumann entropy is bounded."""
    assert quantity.how is not None
    return quantity.how.bound(solver)


def gap_of(bound: EntropyBound) -> float:
    """How far the bound may be from the entropy: from an explicit mixture if it has one, else what more nodes could
    add."""
    return bound.gap if isinstance(bound, QubitEntropyBound) else bound.quadrature_gap


def closed_form(point: Point, quantity: Quantity) -> float:
    """A quantity of a point alone; raises InvalidInput if the point has none."""
    found: float | None = getattr(point.member, quantity.name, None)
    if found is None:
        raise InvalidInput(
            f"{point.member.title} has no {quantity.kind.label} in closed form; leave {quantity.name} out."
        )
    return found


def least_leak(behaviour: Behaviour, quantity: Quantity, flips: float) -> float:
    """What the errors of a key cost at least, rounded down."""
    x, y = quantity.settings
    return lower_float(leakage(behaviour, x, y or 0, flips))


def _beside(row: Row, value: float, sdp_value: float, certificate: str | None) -> Row:
    """A closed form in the place of a program's number, which stands beside it."""
    return {
        "method": "closed form",
        "value": value,
        "sdp_value": sdp_value,
        "certificate": certificate,
        "sdp_certificate": row["certificate"],
    }


def _tested(test: SelfTest, quantity: Quantity) -> Bound:
    """The entropy that the self-test gives for what Eve guesses."""
    x, _ = quantity.settings
    return test.entropy(x, quantity.program[2], quantity.name.endswith("blind"))


def closed_value(test: SelfTest, quantity: Quantity) -> float:
    """What a self-test makes of a quantity that is no rate."""
    return ideal_guess(test, quantity) if quantity.group == "data" else _tested(test, quantity).value


def ideal_guess(test: SelfTest, quantity: Quantity) -> float:
    """The guessing probability at a self-test, where Eve is uncorrelated: the most likely outcome, rounded up."""
    if quantity.y is None:
        return 0.5
    correlator = abs(float(test.correlators[quantity.x, quantity.y]))
    both = (1.0 + correlator) / 4.0
    return math.nextafter(2.0 * both if quantity.name == "guess_blind" else both, math.inf)
