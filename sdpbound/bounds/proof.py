"""The proof behind a bound: a dual of a linear program over behaviours."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from sdpbound.adversaries.adversary import Adversary
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.bounds.assemble import Assembly
from sdpbound.bounds.bound import AffineProof, Bound, Functional
from sdpbound.bounds.certificate import certificate_head, exact_number
from sdpbound.bounds.figures import BlindGuessingProbability, GuessingProbability, MinEntropyOf
from sdpbound.bounds.question import Question
from sdpbound.bounds.rounding import lower_float, min_entropy_of
from sdpbound.bounds.symmetries import NEARLY, nearly_symmetric, question_symmetry
from sdpbound.bounds.used_symmetry import UsedSymmetry
from sdpbound.conic.certificate import CertifiedDual
from sdpbound.conic.program import SolverResult
from sdpbound.errors import InvalidInput

__all__ = ["DualProof", "as_min_entropy", "proven_bound"]


#: Deterministic strategies that are tried one by one to name the best.
MOST_STRATEGIES = 100_000

# -- the proof behind a bound -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class DualProof(AffineProof):
    """A dual of the program of a question, certified."""

    question: Question
    model: Adversary
    assembly: Assembly | None
    dual: CertifiedDual
    found: NDArray[np.float64] | None = None

    @property
    def optimum(self) -> Behaviour | None:
        """The behaviour at the solver's own optimum, negative probabilities of rounding set to zero; not proven."""
        if self.assembly is None and self.model.deterministic:
            return self._deterministic
        if self.found is None or self.assembly is None:
            return None
        relaxation = self.assembly.relaxation
        if relaxation.scenario != self.question.scenario or not relaxation.reached.all():
            return None
        total = self.found.reshape(self.assembly.copies, -1).sum(axis=0)
        moments = np.asarray(relaxation.coordinates @ total).reshape(relaxation.scenario.shape)
        noise = Behaviour.uniform(relaxation.scenario)
        for step in (0.0, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5):
            try:
                return Behaviour.from_moments(relaxation.scenario, (1.0 - step) * moments + step * noise.moments)
            except InvalidInput:
                continue
        return None

    @property
    def given(self) -> Observations:
        """The data asked about, whose tolerances may have been widened."""
        return self.question.given or self.question.observed

    @property
    def _deterministic(self) -> Behaviour | None:
        """A deterministic strategy that is best without data, if they are few enough to be tried."""
        question = self.question
        if len(question.objective) > 1 or math.prod(k for p in question.scenario.outcomes for k in p) > MOST_STRATEGIES:
            return None
        vertices = self.model.relax(question.scenario).coordinates.toarray()
        best = int(np.argmax(question.objective[0].reshape(-1) @ vertices))
        return Behaviour.from_moments(question.scenario, vertices[:, best].reshape(question.scenario.shape))

    @property
    def symmetry(self) -> UsedSymmetry | None:
        if self.assembly is None or self.assembly.group is None:
            return None
        group, program, reduction = self.assembly.group, self.assembly.program, self.assembly.reduction
        note = ""
        if len(self.given):
            note = nearly_symmetric(
                group, question_symmetry(self.question, self.model, self.assembly.relaxation, NEARLY)
            )
        return UsedSymmetry(
            group.order,
            tuple(str(generator) for generator in group.generators),
            group.complete,
            tuple(len(block) for block in program.blocks),
            reduction.sizes,
            program.variables,
            reduction.variables,
            note,
        )

    def functional(self) -> Functional:
        """The proven functional of the figure itself, its constant rounded to the safe side."""
        observed = self.question.observed
        multipliers = np.array([float(m) for m in self.dual.multipliers])
        constant = self.dual.constant
        # multipliers that are exact fractions are rounded here: charge what that can move
        slack = sum(
            abs(float(m - Fraction(float(m)))) * float(np.abs(c).sum()) * 1.0000001
            for m, c in zip(self.dual.multipliers, observed.coefficients, strict=True)
            if isinstance(m, Fraction)
        )
        if slack:
            constant = math.nextafter(constant + slack, math.inf)
        if isinstance(self.question.figure, MinEntropyOf):
            constant, multipliers = self._tangent(constant, multipliers)
        elif self.question.sign < 0:
            constant, multipliers = -constant, -multipliers
        return Functional.of_tests(self.question.side, constant, multipliers, observed)

    def _tangent(self, constant: float, multipliers: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The tangent of -log2 that touches at the tested values, a lower bound because -log2 is convex.

        For every t > 0: -log2 f >= log2(t ln 2) + 1/ln 2 - t f, with equality at f = 1/(t ln 2).
        """
        observed = self.question.observed
        slope = 1.0 / ((constant + float(multipliers @ observed.values)) * math.log(2.0))
        t, ln2 = flint.arb(slope), flint.arb(2).log()
        ball = (t * ln2).log() / ln2 + 1 / ln2 - t * flint.arb(constant)
        moved = -slope * multipliers
        for new, old, c in zip(moved, multipliers, observed.coefficients, strict=True):
            drift = abs(flint.arb(float(new)) + t * flint.arb(float(old)))
            ball -= drift * flint.arb(float(np.abs(c).sum() * 1.0000001))
        return lower_float(ball), moved

    def certificate(self, value: float) -> dict[str, Any]:
        question = self.question
        functional = self.functional()
        model = self.model.describe()
        return certificate_head(question.observed, question.figure, question.side, model) | {
            "proof": {
                "multipliers": [exact_number(m) for m in self.dual.multipliers],
                "copies": self._copies(),
            },
            "claim": {
                "value": value,
                "functional": {
                    "constant": functional.constant,
                    "multipliers": functional.multipliers.tolist(),
                },
            },
        }

    def _copies(self) -> list[dict[str, Any]]:
        if self.assembly is None:
            return []
        matrix = self.assembly.relaxation.matrix
        if matrix is not None:
            words = [[list(part) for part in word] for word in self.dual.words or matrix.words]
            return [
                {"words": words, "factor": [row[: i + 1].tolist() for i, row in enumerate(factor)]}
                for factor in self.dual.factors
            ]
        if self.assembly.relaxation.of_vertices:
            return []
        rows = self.assembly.relaxation.inequalities.shape[0]
        return [
            {"weights": [exact_number(w) for w in self.dual.weights[e * rows : (e + 1) * rows]]}
            for e in range(self.assembly.copies)
        ]


def proven_bound(
    question: Question,
    model: Adversary,
    assembly: Assembly | None,
    dual: CertifiedDual,
    result: SolverResult,
    seconds: dict[str, float],
    found: NDArray[np.float64] | None = None,
) -> Bound:
    solver_value, value = result.objective, dual.value
    if question.sign < 0:
        value, solver_value = -value, -solver_value
    return Bound(
        value=value + 0.0,
        side=question.side,
        merit=question.figure,
        model=model,
        solver_value=solver_value,
        solver=result.solver,
        status=result.status.value,
        seconds=seconds,
        _proof=DualProof(question, model, assembly, dual, found),
    )


def as_min_entropy(bound: Bound) -> Bound:
    """The min-entropy that a bound on a guessing probability proves, in bits; no further solving."""
    proof = bound._proof
    of = bound.merit
    if not isinstance(proof, DualProof) or not isinstance(of, GuessingProbability | BlindGuessingProbability):
        raise InvalidInput(f"{bound.figure} is no guessing probability; -log2 of it is no min-entropy.")
    figure = MinEntropyOf(of)
    question = replace(proof.question, figure=figure, side="lower")
    return replace(
        bound,
        value=min_entropy_of(bound.value),
        side="lower",
        merit=figure,
        solver_value=-math.log2(bound.solver_value) if bound.solver_value > 0 else math.nan,
        _proof=replace(proof, question=question),
    )
