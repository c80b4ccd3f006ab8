"""Lower bounds on von Neumann entropies of outcomes given an eavesdropper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Unpack

from sdpbound.adversaries.adversary import Adversary
from sdpbound.arguments import instance
from sdpbound.bell.channel import Preprocessing
from sdpbound.bell.key import KeyChanges, settings_of
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
    """How to bound von Neumann entropies: a method and its options.

    Parameters
    ----------
    method : the name of a method. "auto" takes the best certified bound of all methods that apply and are fast, also of
        coarser data, see :mod:`sdpbound.entropies.auto`; with a level or nodes it is the first method that takes them.
        "projective" gives Eve a projection for each node of an integral:
        :mod:`sdpbound.entropies.quadrature` has the formula and its safe side, and
        :mod:`sdpbound.entropies.integral.assemble` the program. "gauss-radau" is the method of Brown, Fawzi and Fawzi:
        Eve has any operator for each node, and the certificate limits none of them; see
        :mod:`sdpbound.entropies.radau.assemble`. "pinching" has the same nodes, with operators of Alice and Bob in
        place of Eve's: :mod:`sdpbound.entropies.pinching.assemble`; no flips. These three solve one program for all
        nodes. "qubit" uses Jordan's
        lemma: at most two settings of two outcomes for each party may be tested; it takes no level, nodes or solver;
        see :mod:`sdpbound.entropies.qubits.entropy`. A further method has the name of its entry point, see
        :class:`sdpbound.Entropy`
    level : words of the devices, as in :class:`Quantum`; each word stands beside 1 and beside Eve's operators.
        None: the lowest of a short list of levels that is good enough for the tolerance, judged with coarse nodes
    nodes : the number of nodes, from 2; for "projective" also the nodes themselves, rising and ending with 1/2.
        None: as many nodes as the tolerance needs
    tolerance : the accuracy to aim at, in bits. The nodes may cost half of it. For "projective" the bound's
        ``quadrature_gap`` is the most that the nodes do cost. For "gauss-radau" this cost is unknown (nan): the method
        stops when more nodes gain less than half of the tolerance. The level is chosen by what the next higher level
        gains, which does not prove that other levels gain nothing. If the bound's ``gap`` is not known to be within
        the tolerance, its ``status`` is "inaccurate"
    solver : as in :func:`sdpbound.guessing_probability`; default SDPA, which is fastest here

    >>> VonNeumann("projective", "1+AB", 8).nodes
    8
    """

    method: str = "auto"
    level: Level | None = None
    nodes: int | tuple[float, ...] | None = None
    tolerance: float = 1e-3
    solver: SolverChoice = None

    def __post_init__(self) -> None:
        chosen = self.chosen
        for name in ("level", "nodes"):  # the values as the method has read them
            object.__setattr__(self, name, getattr(chosen, name, getattr(self, name)))

    @cached_property
    def chosen(self) -> Entropy:
        """The method of this name with these options."""
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
    preprocessing: Preprocessing = 0.0,
    solver: SolverChoice = None,
    closed_forms: bool = True,
    **key: Unpack[KeyChanges],
) -> EntropyBound:
    """Certified lower bound on the von Neumann entropy H(A|X=x,E), or with ``y`` on H(AB|X=x,Y=y,E), in bits.

    With ``settings`` the key is the outcomes of any of the parties, of two or more: H(B|Y=y,E), H(ABC|X=x,Y=y,Z=z,E).
    With ``merge`` it is a function f of the outcomes, H(f(A)|X=x,E): they are tested as they are, and Eve is asked for
    the value of f alone.

    The entropy is the least one, given Eve, of the outcomes of quantum devices with the tested values; Eve holds the
    purification. For one tested value of a CHSH or asymmetric CHSH expression a closed form gives it (arXiv:0903.4460,
    arXiv:2005.13015, arXiv:2007.16146; see :mod:`sdpbound.entropies.closed`). For other data the bound comes from the
    nodes of an integral (arXiv:2208.12194, arXiv:2411.04858; here with half of the range and all nodes in one program)
    and from the NPA hierarchy. Where at most two settings of two outcomes for each
    party are tested, it comes from pairs of qubits; ``bound.method`` says what won. There is no such bound for
    no-signaling adversaries.

    Parameters
    ----------
    observed : the tested data: any linear data of two parties or more
    x, y : settings of the key; y None for a key of Alice's outcome alone
    method : a VonNeumann, another Entropy, or the name of a method; default VonNeumann(), which takes the
        best method for the data and aims at an accuracy of 1e-3 bits
    preprocessing : probability in [0, 1/2] with which the outcome is flipped before the entropy is taken, or a
        :class:`sdpbound.BinaryChannel` that it passes; the key must be one bit of one party
    solver : a solver to use in place of the method's solver
    closed_forms : whether to use the formula of one CHSH value if that is tested; ``method`` is then not used.
        Self-tests prove no functional and are not asked: ``find_self_test(observed).entropy(x, y)`` has theirs
    key : ``settings``, in place of x and y: one entry for each party, its setting, or None where its outcome is not in
        the key. ``merge``, the value 0, 1, .. of f for each outcome of the key, such as (0, 0, 1, 1), or for several
        parties rows of such values. For more than two parties, and for a key of Bob's outcome alone, the method is
        "projective"; for merged outcomes of two parties it is this or "gauss-radau"

    Returns
    -------
    EntropyBound, side "lower", in bits. Its ``functional`` is an affine function of the tested expressions that is
    below the entropy of every quantum behaviour: a min-tradeoff function

    Raises
    ------
    Infeasible, InvalidSettings, InvalidLevel, InvalidParameter, SolverFailure

    >>> import sdpbound as sb
    >>> data = sb.Observations.bell_value(sb.chsh(), 2.5)
    >>> round(sb.conditional_entropy(data).value, 9)
    0.456435557
    >>> bound = sb.conditional_entropy(data, closed_forms=False)
    >>> 0.4554 < bound.value < 0.456436, bound.method, bound.gap <= 1e-3
    (True, 'qubit', True)
    >>> ghz = sb.Observations.bell_value(sb.mermin(), 3.9)  # H(A|E) is 1 - h(3.9/4), see the page on more parties
    >>> 0.8302 < sb.conditional_entropy(ghz, settings=(0, None, None)).value < 0.8314
    True
    >>> agree = sb.Observations.full(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.98))  # Eve: whether outcomes agree
    >>> bound = sb.conditional_entropy(agree, 0, 0, sb.VonNeumann("gauss-radau", "1+AB", 4), merge=[[0, 1], [1, 0]])
    >>> bound.figure, 0.0 < bound.value < 1.0
    ('H(f(AB)=0110|x=0,y=0,E)', True)
    """
    how = VonNeumann() if method is None else named_entropy(method, "method")
    if solver is not None:
        how = replace(instance(how, VonNeumann, "method with a solver of its own", "VonNeumann()"), solver=solver)
    settings, merge = settings_of(key, "conditional_entropy")
    asked = KeyQuestion(observed, x, y, False, preprocessing, closed_forms, _own(settings), _own(merge))
    bound = how.lower_bound(asked)
    if not isinstance(bound, EntropyBound):
        raise InvalidInput(f"{how!r:.80} bounds {bound.figure} and no von Neumann entropy; use VonNeumann().")
    return bound


def _own(entries: Sequence[Any] | None) -> tuple[Any, ...] | None:
    """Settings, or what is merged, as a question has them; what is none is left for the question to refuse."""
    return entries if entries is None or isinstance(entries, tuple) else tuple(entries)


def named_entropy(entropy: Entropy | str, argument: str = "entropy") -> Entropy:
    """Return the entropy, or make a VonNeumann of the method of this name."""
    if isinstance(entropy, str):
        return VonNeumann(entropy)
    return instance(entropy, Entropy, argument, "VonNeumann()")
