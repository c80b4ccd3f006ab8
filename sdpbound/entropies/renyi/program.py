"""Bound Renyi entropies by programs over moment matrices: any settings and outcomes of two parties.

Eve's state of value k of the key is r_k, r their sum, and H is ``-D(rho_KE || 1 x r)`` with the divergence of Petz of
order alpha = 1 + r, 0 < r < 1 ("petz down"), which is not above the other kinds of the same order. With nodes t_i and
kappa_i of :func:`sdpbound.entropies.quadrature.power_radau` and the q_ik(Z) of
:mod:`sdpbound.entropies.radau.assemble` ::

    (1 - 2^(-r H)) / r  >=  sum_i kappa_i (1 + sum_k min_Z <q_ik(Z)>),

so that the dual of the same program as for von Neumann entropies proves an affine functional above ``2^(-r H)``. The
min-entropy is below all kinds but "petz down", and the better bound for orders of about 3/2 and more. Of the kind
"sandwiched up" a chord between the two is better than both there. docs/renyi.md has the proofs.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.arrays import Floats
from sdpbound.bell.channel import BinaryChannel
from sdpbound.bell.observations import Observations
from sdpbound.bounds.figures import RenyiEntropy
from sdpbound.bounds.guessing import guessing_probability
from sdpbound.entropies.method import FIRST_LEVEL
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.radau.search import MOST_WORDS, RadauSearch
from sdpbound.entropies.renyi.options import COARSE, RenyiOptions
from sdpbound.entropies.renyi.proof import ChordProof, PowerProof, Program, RenyiProof
from sdpbound.entropies.words import levels_of_key
from sdpbound.errors import InvalidParameter
from sdpbound.npa.levels import Level

__all__ = ["Proven", "by_guessing", "by_nodes", "programs"]

#: Orders from which the min-entropy helps, and the order from which a chord to it begins: about the best one for CHSH
#: values, whatever the order asked for. From ``_CHORD_ALONE`` on nodes of the order itself give less.
_CHORD_FROM, _CHORD_ALONE = 1.25, 1.5
#: Rough CPU seconds from which the first program of a search is not begun, but one at the first level of all.
_PATIENCE = 60.0


@dataclass(frozen=True, eq=False)
class Proven:
    """A proof by a program, and how it was found.

    Attributes
    ----------
    solver_value : the entropy in bits that the solver reports; it is not proven
    gap : what more nodes and words may add, in bits, as far as known; nan if nothing is
    cut : whether a limit of time ended the search
    """

    proof: PowerProof
    method: str
    solver_value: float
    solver: str
    seconds: dict[str, float]
    gap: float = math.nan
    nodes: tuple[float, ...] = ()
    cut: bool = False


def programs(question: EntropyQuestion, figure: RenyiEntropy, options: RenyiOptions) -> Proven:
    """The best of the programs that apply to a kind and an order and are asked for.

    Raises
    ------
    InvalidParameter : the method that is asked for does not apply
    """
    if options.method == "gauss-radau" and figure.alpha >= 2.0:
        raise InvalidParameter(f"alpha = {figure.alpha!r} of method = 'gauss-radau' must be below 2; leave method out.")
    if options.method == "min-entropy" and figure.form == "petz down":
        raise InvalidParameter("method = 'min-entropy' bounds every kind but kind = 'petz down'; leave method out.")
    if options.method == "gauss-radau" or figure.form == "petz down":
        return by_nodes(question, figure, options)
    if options.method == "min-entropy":
        return by_guessing(question, figure, options)
    if figure.alpha <= _CHORD_FROM:
        return by_nodes(question, figure, options)
    found = [by_guessing(question, figure, options)]
    chord = figure.form == "sandwiched up"
    if figure.alpha < _CHORD_ALONE or (not chord and figure.alpha < 2.0):
        found.append(by_nodes(question, figure, options))
    if chord:
        low = by_nodes(question, replace(figure, alpha=_CHORD_FROM), options)
        found.append(_chord(figure, low, found[0]))
    return max(found, key=lambda proven: proven.proof.value)


def _chord(figure: RenyiEntropy, low: Proven, high: Proven) -> Proven:
    """What lies between an entropy of smaller order and the min-entropy."""
    one, two = low.proof, high.proof
    assert isinstance(one, RenyiProof) and isinstance(two, RenyiProof)
    if one.program is None or two.program is None or one.observed is not two.observed:
        return high  # nothing is proven by one of them, or not of the same tolerances
    proof = ChordProof(one.observed, figure, one, two)
    a, b = proof.weights
    seconds = {name: low.seconds[name] + high.seconds[name] for name in low.seconds}
    value = a * low.solver_value + b * high.solver_value
    return replace(low, proof=proof, method="chord", solver_value=value, seconds=seconds, cut=low.cut or high.cut)


def by_nodes(question: EntropyQuestion, figure: RenyiEntropy, options: RenyiOptions) -> Proven:
    """The bound by Gauss-Radau nodes."""
    r = figure.alpha - 1.0
    per = math.log(2.0) * 2.0 ** (-r * question.most)  # of (1 - q)/r, at least, for a bit
    tolerance = (COARSE if options.tolerance is None else options.tolerance) * per
    started = RadauSearch(question, tolerance, options.level, options.nodes, options.solver, exponent=r)
    first = started.levels(started.names, MOST_WORDS)[0]
    if options.level is None and started.cost(first, started.few_nodes) > _PATIENCE:  # of many outcomes
        started = replace(started, level=FIRST_LEVEL)
    search, best = started.searched()
    dual = best.dual
    slopes = r * np.array(dual.multipliers)
    program = Program(
        name="gauss-radau",
        exponent=r,
        model=Quantum(best.level),
        entries={"multipliers": list(dual.multipliers)} | best.program.entries(best.dual),  # type: ignore[arg-type]
        given=question.observed,
    )
    proof = _proof(search.question.observed, figure, (1.0 + r * dual.constant, slopes), program)
    return Proven(
        proof=proof,
        method="gauss-radau",
        solver_value=_entropy(1.0 - r * best.claimed, r),
        solver=best.result.solver,
        seconds=search.seconds,
        gap=search.gap_of(best) / per,
        nodes=tuple(float(t) for t in best.program.nodes),
        cut=search.cut,
    )


def by_guessing(question: EntropyQuestion, figure: RenyiEntropy, options: RenyiOptions) -> Proven:
    """The min-entropy, after flips of the key: Eve's guess is right with probability ``q + (1 - 2q) p``."""
    begun = time.perf_counter()
    level: Level = levels_of_key(2, question.key)[0] if options.level is None else options.level
    model = Quantum(level)
    guess = guessing_probability(question.observed, model, figure.x, figure.y, options.solver)
    assert not isinstance(figure.preprocessing, BinaryChannel)
    line, q = guess.functional, figure.preprocessing
    kept = 1.0 - 2.0 * q
    entries = guess.certificate.data["proof"]
    program = Program("guess", 1.0, model, entries, question.observed)
    proof = _proof(question.observed, figure, (q + kept * line.constant, kept * line.multipliers), program)
    return Proven(
        proof=proof,
        method="min-entropy",
        solver_value=_entropy(q + kept * guess.solver_value, 1.0),
        solver=guess.solver,
        seconds={"assemble": 0.0, "solve": time.perf_counter() - begun, "certify": 0.0},
        cut=guess.is_stopped,
    )


def _proof(observed: Observations, figure: RenyiEntropy, line: tuple[float, Floats], program: Program) -> RenyiProof:
    """The proof of a functional, which pays for its rounding; no power is above one."""
    constant, slopes = line
    sizes = np.abs(observed.coefficients).reshape(len(observed), -1).sum(axis=1)
    constant += 8.0 * 2.0**-52 * (1.0 + abs(constant) + float(np.abs(slopes) @ sizes))
    proof = RenyiProof(observed, figure, constant, slopes, program)
    return proof if proof.value > 0.0 else replace(proof, program=None, constant=1.0, multipliers=None)


def _entropy(power: float, exponent: float) -> Any:
    return -math.log2(power) / exponent if power > 0.0 else math.nan
