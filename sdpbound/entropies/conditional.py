"""Von Neumann entropies of outcomes given an eavesdropper, from below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.arguments import floats, instance, whole
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.closed import closed_entropy
from sdpbound.entropies.entropy import Entropy, EntropyBound
from sdpbound.entropies.integral.search import LEVELS, MOST_NODES, projective_entropy
from sdpbound.entropies.qubits.entropy import qubit_entropy
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.radau.search import MOST_RADAU_NODES, gauss_radau_entropy
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape
from sdpbound.npa.levels import Level, normalise_level

__all__ = ["EntropyBound", "VonNeumann", "conditional_entropy"]


@dataclass(frozen=True)
class VonNeumann(Entropy):
    """Von Neumann entropies: how to bound them.

    Parameters
    ----------
    method : "projective": a projection of Eve for each node of an integral, see :mod:`sdpbound.entropies.quadrature`
    for the formula and its safe side and :mod:`sdpbound.entropies.integral.assemble` for the program;
        "gauss-radau": that of Brown, Fawzi and Fawzi, with any operator of Eve for each node, certified without limits
        on them, see :mod:`sdpbound.entropies.radau.assemble`. Both are one program for all nodes.
        "qubit": where at most two settings of two outcomes a party are tested, by Jordan's lemma, see
        :mod:`sdpbound.entropies.qubits.entropy`; has no level, nodes and solver
    level : words of the devices, as in :class:`Quantum`; each stands beside 1 and beside Eve's operators.
        None: the lowest of a short list that coarse nodes show to be good enough for the tolerance
    nodes : their number, from 2, or for "projective" the nodes themselves, rising and ending with 1/2. None: as many
        as the tolerance needs
    tolerance : accuracy aimed at, in bits. Nodes may cost half of it; what they do cost, at most, is the bound's
        ``quadrature_gap``, unknown (nan) for "gauss-radau", which stops where more nodes gain less than that. The level
        is chosen by what higher ones gain, which is no proof that others gain nothing
    solver : as in :func:`sdpbound.guessing_probability`; default SDPA, which is fastest here

    >>> VonNeumann("projective", "1+AB", 8).nodes
    8
    """

    method: str = "projective"
    level: Level | None = None
    nodes: int | tuple[float, ...] | None = None
    tolerance: float = 1e-3
    solver: SolverChoice = None

    def __post_init__(self) -> None:
        if self.method not in _METHODS:
            known = " or ".join(repr(name) for name in _METHODS)
            raise InvalidParameter(
                f"method = {self.method!r:.60} must be {known}; words of the devices are level=..., after it."
            )
        if self.level is not None:
            object.__setattr__(self, "level", normalise_level(self.level))
        t = self.tolerance
        if isinstance(t, bool) or not isinstance(t, (int, float)) or not 1e-7 <= t <= 1.0:
            raise InvalidParameter(f"tolerance = {t!r:.60} of an entropy must be a number of bits from 1e-7 to 1.")
        if self.method == "qubit" and (self.level, self.nodes, self.solver) != (None, None, None):
            raise InvalidParameter(
                "method 'qubit' has a tolerance only: leave level, nodes and solver out, or take 'projective'."
            )
        if self.nodes is None:
            return
        most = MOST_RADAU_NODES if self.method == "gauss-radau" else MOST_NODES
        if isinstance(self.nodes, (int, np.integer)):
            object.__setattr__(self, "nodes", whole(self.nodes, "nodes", 2, most))
            return
        if self.method == "gauss-radau":
            raise InvalidParameter(
                f"nodes = {self.nodes!r:.60} of 'gauss-radau' must be their number, from 2 to {most}."
            )
        array = floats(self.nodes, "nodes").reshape(-1)
        rising = bool((np.diff(np.concatenate([[0.0], array])) > 0).all())
        if not 2 <= array.size <= MOST_NODES or not rising or array[-1] != 0.5:
            raise InvalidParameter(
                f"nodes = {self.nodes!r:.60} must be a number of nodes from 2 to {MOST_NODES}, or as many rising "
                "numbers above 0 of which the last is 1/2."
            )
        object.__setattr__(self, "nodes", tuple(float(v) for v in array))

    @property
    def adversary(self) -> Quantum:
        return Quantum(LEVELS[0] if self.level is None else self.level)

    def lower_bound(
        self,
        observed: Observations,
        x: int,
        y: int | None,
        blind: bool,
        preprocessing: float = 0.0,
        closed_forms: bool = True,
    ) -> Bound:
        if blind:
            raise InvalidInput("blind randomness has a bound by min-entropy only: use MinEntropy(Quantum('2')).")
        return conditional_entropy(observed, x, y, self, preprocessing, closed_forms=closed_forms)


def _projective(question: EntropyQuestion, method: VonNeumann) -> EntropyBound:
    return projective_entropy(question, method.level, method.nodes, method.tolerance, method.solver)


def _gauss_radau(question: EntropyQuestion, method: VonNeumann) -> EntropyBound:
    assert method.nodes is None or isinstance(method.nodes, int)
    return gauss_radau_entropy(question, method.level, method.nodes, method.tolerance, method.solver)


#: What bounds a question, by the method's name. A further method is a line here.
_METHODS: dict[str, Callable[[EntropyQuestion, VonNeumann], EntropyBound]] = {
    "projective": _projective,
    "gauss-radau": _gauss_radau,
    "qubit": lambda question, method: qubit_entropy(question, method.tolerance),
}


def conditional_entropy(
    observed: Observations,
    x: int = 0,
    y: int | None = None,
    method: VonNeumann | None = None,
    preprocessing: float = 0.0,
    solver: SolverChoice = None,
    closed_forms: bool = True,
) -> EntropyBound:
    """Certified lower bound on the von Neumann entropy H(A|X=x,E), or with ``y`` on H(AB|X=x,Y=y,E), in bits.

    The least entropy, given Eve, of outcomes of quantum devices with the tested values, Eve holding the purification.
    For one tested value of a CHSH or asymmetric CHSH expression it is a formula (arXiv:0903.4460, arXiv:2005.13015,
    arXiv:2007.16146; see :mod:`sdpbound.entropies.closed`); else a bound from below by nodes (arXiv:2208.12194,
    arXiv:2411.04858; here with half of the range, all nodes in one program) and by the NPA hierarchy. There is no such
    bound for no-signaling adversaries.

    Parameters
    ----------
    observed : what Alice and Bob test: any linear data of two parties
    x, y : settings of the key; y None for Alice's outcome alone
    method : how; default VonNeumann(): for an accuracy of 1e-3 bits
    preprocessing : probability in [0, 1/2] with which Alice flips her outcome before Eve is asked; one bit only
    solver : instead of the method's
    closed_forms : take the formula where the data have one; ``method`` is then not used

    Returns
    -------
    EntropyBound, side "lower", in bits. Its ``functional`` is an affine lower bound on the entropy of every quantum
    behaviour in terms of the tested expressions: a min-tradeoff function

    Raises
    ------
    Infeasible, InvalidSettings, InvalidLevel, InvalidParameter, SolverFailure

    >>> import sdpbound as sb
    >>> data = sb.Observations.bell_value(sb.chsh(), 2.5)
    >>> round(sb.conditional_entropy(data).value, 9)
    0.456435557
    >>> bound = sb.conditional_entropy(data, closed_forms=False)
    >>> 0.4555 < bound.value < 0.456436, bound.quadrature_gap <= 5e-4
    (True, True)
    """
    method = VonNeumann() if method is None else instance(method, VonNeumann, "method", "VonNeumann()")
    if solver is not None:
        method = replace(method, solver=solver)
    instance(observed, Observations, "observed", "Observations.correlators(behaviour)")
    if observed.scenario.parties != 2:
        raise InvalidShape(f"conditional entropies need two parties besides Eve, not {observed.scenario}.")
    x = observed.scenario.require_setting(0, x, "x")
    y = None if y is None else observed.scenario.require_setting(1, y, "y")
    question = EntropyQuestion(observed, x, y, require_preprocessing(preprocessing))
    if question.preprocessing and (y is not None or question.outcomes != 2):
        raise InvalidParameter(
            f"preprocessing = {preprocessing!r} flips a key of one bit: leave y out and take a setting x with two "
            "outcomes, or leave it 0."
        )
    if question.outcomes == 1:
        raise InvalidInput(
            f"the key of x={x}, y={y} has one outcome only and no entropy; choose settings with two outcomes or more."
        )
    closed = closed_entropy(question, method.adversary) if closed_forms else None
    return _METHODS[method.method](question, method) if closed is None else closed


def require_preprocessing(value: float) -> float:
    """A probability of a flip, at most 1/2."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.floating)) or not 0.0 <= value <= 0.5:
        raise InvalidParameter(
            f"preprocessing = {value!r:.60} must be the probability of a flip, a number from 0 to 1/2; a higher one "
            "is a lower one with the outcomes renamed."
        )
    return float(value)
