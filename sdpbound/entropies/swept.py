"""Von Neumann entropies along a sweep: each point started from the last."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sdpbound.adversaries.adversary import Adversary
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound
from sdpbound.entropies.auto import Auto
from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.qubit_starts import StartedQubits
from sdpbound.entropies.question import KeyQuestion

__all__ = ["SweptEntropy"]


@dataclass(eq=False)
class SweptEntropy(Entropy):
    """The method for the points of a sweep: each search starts from the strategies of the point before.

    If the data test at most two settings of two outcomes for each party, the method is the qubit reduction. For other
    data it uses ``otherwise``. Each bound is proven by itself, whatever the points before it were; but its last digits
    may depend on these points.

    Parameters
    ----------
    tolerance : accuracy to aim at of the qubit reduction, in bits
    otherwise : the method for other data, default VonNeumann() of that tolerance

    >>> import sdpbound as sb
    >>> t, method = sb.SingletSelfTest(theta=1.0, phi=1.5, omega=2.6), sb.SweptEntropy(tolerance=1e-3)
    >>> [round(sb.key_rate(t.behaviour(visibility=v), x=0, y=0, entropy=method).value, 2) for v in (0.98, 0.99)]
    [0.51, 0.65]
    """

    tolerance: float = 1e-4
    otherwise: Entropy | None = None

    @cached_property
    def programs(self) -> Entropy:
        """The method for data to which the qubit reduction does not apply."""
        return Auto(self.tolerance).swept() if self.otherwise is None else self.otherwise

    @cached_property
    def _qubits(self) -> Entropy:
        return StartedQubits(self.tolerance)

    @property
    def adversary(self) -> Adversary:
        return self.programs.adversary

    def tested(self, observed: Observations) -> Observations:
        return self.programs.tested(observed)

    def lower_bound(self, question: KeyQuestion) -> Bound:
        by_qubits = not question.blind and self._qubits.applies(question) is None
        return (self._qubits if by_qubits else self.programs).lower_bound(question)
