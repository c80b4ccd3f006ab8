"""Von Neumann entropies of outcomes given an eavesdropper, from below."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from sdpbound.adversaries.adversary import Adversary
from sdpbound.arguments import instance
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.entropy import Entropy, EntropyBound
from sdpbound.entropies.methods import method_named
from sdpbound.entropies.question import KeyQuestion
from sdpbound.errors import InvalidInput
from sdpbound.npa.levels import Level

__all__ = ["EntropyBound", "VonNeumann", "conditional_entropy", "named_entropy"]


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
        :mod:`sdpbound.entropies.qubits.entropy`; has no level, nodes and solver.
        Others by the name of their entry point, see :class:`sdpbound.Entropy`
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
        chosen = self.chosen
        for name in ("level", "nodes"):  # as the method reads them
            object.__setattr__(self, name, getattr(chosen, name, getattr(self, name)))

    @cached_property
    def chosen(self) -> Entropy:
        """The method with these options."""
        options = {"tolerance": self.tolerance, "level": self.level, "nodes": self.nodes, "solver": self.solver}
        return method_named(self.method, options)

    @property
    def adversary(self) -> Adversary:
        return self.chosen.adversary

    def lower_bound(self, question: KeyQuestion) -> Bound:
        return self.chosen.lower_bound(question)

    def tested(self, observed: Observations) -> Observations:
        return self.chosen.tested(observed)

    def swept(self) -> Entropy:
        other = self.chosen.swept()
        return self if other is self.chosen else other


def conditional_entropy(
    observed: Observations,
    x: int = 0,
    y: int | None = None,
    method: Entropy | str | None = None,
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
    method : how: a VonNeumann, another Entropy, or the name of a method; default VonNeumann(): for an accuracy of 1e-3
        bits
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
    how = VonNeumann() if method is None else named_entropy(method, "method")
    if solver is not None:
        how = replace(instance(how, VonNeumann, "method with a solver of its own", "VonNeumann()"), solver=solver)
    bound = how.lower_bound(KeyQuestion(observed, x, y, False, preprocessing, closed_forms))
    if not isinstance(bound, EntropyBound):
        raise InvalidInput(f"{how!r:.80} bounds {bound.figure} and no von Neumann entropy; use VonNeumann().")
    return bound


def named_entropy(entropy: Entropy | str, argument: str = "entropy") -> Entropy:
    """An entropy, or that of the method of this name."""
    if isinstance(entropy, str):
        return VonNeumann(entropy)
    return instance(entropy, Entropy, argument, "VonNeumann()")
