"""Bell expressions: linear functionals of behaviours."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdpbound.arguments import floats, instance, whole
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.deterministic import maximize_deterministic
from sdpbound.bell.scenario import Scenario, binary_scenario, collins_gisin_table, correlator_tensor
from sdpbound.bell.tables import correlator_table
from sdpbound.errors import InvalidSettings, InvalidShape
from sdpbound.shown import Shown

__all__ = ["BellExpression"]

#: The room far above that proves bounds of expressions, which is imported when it is asked.
_PROVING = "sdpbound.bounds"


@dataclass(frozen=True, eq=False)
class BellExpression(Shown):
    """A linear functional of a behaviour, ``sum coefficients * moments``, in the scenario's moment coordinates.

    Parameters
    ----------
    scenario : Scenario
    coefficients : array of shape ``scenario.shape``
        For binary outcomes ``coefficients[0, 0]`` is the constant, ``[1 + x, 0]`` multiplies <A_x>, ``[1 + x, 1 + y]``
        multiplies <A_x B_y>.
    name : str, optional

    Use :meth:`from_correlators`, :meth:`from_probabilities` or :meth:`from_collins_gisin` for the usual forms.

    >>> e = BellExpression.from_correlators([[1, 1], [1, -1]], name="CHSH")
    >>> e.local_bound
    2.0
    >>> e
    CHSH: <A0 B0> + <A0 B1> + <A1 B0> - <A1 B1>
    """

    scenario: Scenario
    coefficients: NDArray[np.float64]
    name: str = field(default="")

    def __post_init__(self) -> None:
        instance(self.scenario, Scenario, "scenario", "Scenario.bipartite(2, 2)")
        table = floats(self.coefficients, "coefficients of a Bell expression")
        if table.shape != self.scenario.shape:
            raise InvalidShape(
                f"coefficients of shape {table.shape} do not fit {self.scenario}: the shape must be "
                f"{self.scenario.shape}."
            )
        table.flags.writeable = False
        object.__setattr__(self, "coefficients", table)

    # -- construction ---------------------------------------------------------------------------------------------

    @classmethod
    def from_correlators(
        cls,
        correlators: ArrayLike,
        marginals_a: ArrayLike | None = None,
        marginals_b: ArrayLike | None = None,
        constant: float = 0.0,
        name: str = "",
    ) -> BellExpression:
        """``constant + sum a_x <A_x> + sum b_y <B_y> + sum c_xy <A_x B_y>``, binary outcomes; c has shape (X, Y)."""
        table = correlator_table(correlators, marginals_a, marginals_b, constant)
        return cls(Scenario.bipartite(table.shape[0] - 1, table.shape[1] - 1), table, name)

    @classmethod
    def from_correlator_tensor(cls, tensor: ArrayLike, name: str = "") -> BellExpression:
        """Coefficients of correlators of any number of parties with binary outcomes, shape (1 + X, 1 + Y, ..).

        Entry 0 of an axis stands for a party that is left out: ``tensor[0, 0, 0]`` is the constant of three parties,
        ``tensor[1 + x, 0, 0]`` multiplies <A_x> and ``tensor[1 + x, 0, 1 + z]`` multiplies <A_x C_z>.

        >>> BellExpression.from_correlator_tensor([[0, 0, 0], [0, 1, 1], [0, 1, -1]])
        <A0 B0> + <A0 B1> + <A1 B0> - <A1 B1>
        """
        t = floats(tensor, "a tensor of correlators")
        return cls(binary_scenario(t.shape, "a tensor of correlators"), t, name)

    @classmethod
    def from_probabilities(cls, table: ArrayLike, scenario: Scenario | None = None, name: str = "") -> BellExpression:
        """``sum table[a, b, x, y] p(ab|xy)``; for n parties the first n axes are outcomes, the last n settings."""
        t = floats(table, "a table of coefficients")
        if t.ndim % 2 or t.ndim == 0:
            raise InvalidShape(f"a table of coefficients needs axes (a, b, ..., x, y, ...), not shape {t.shape}.")
        n = t.ndim // 2
        if scenario is None:
            scenario = Scenario(tuple((t.shape[i],) * t.shape[n + i] for i in range(n)))
        if t.shape != scenario.table_shape:
            raise InvalidShape(f"a table of shape {t.shape} does not fit {scenario}: expected {scenario.table_shape}.")
        for party in range(n):
            f = np.zeros((scenario.shape[party], max(scenario.outcomes[party]), scenario.settings[party]))
            for x, d in enumerate(scenario.outcomes[party]):
                for a in range(d):
                    f[:, a, x] = scenario.effect(party, x, a)
            # contract this party's outcome and setting, and put the coordinate in front of the axes still to come
            t = np.tensordot(t, f, axes=((0, n - party), (1, 2)))
        return cls(scenario, t, name)

    @classmethod
    def from_collins_gisin(cls, table: ArrayLike, scenario: Scenario | None = None, name: str = "") -> BellExpression:
        """Coefficients against 1, P(a|x), P(b|y), P(ab|xy) of all outcomes but the last of each setting.

        Without ``scenario`` binary outcomes are assumed: axis i then has one entry for each setting after the first.
        """
        t, scenario = collins_gisin_table(table, scenario)
        for party in range(scenario.parties):
            t = np.tensordot(t, scenario.collins_gisin(party), axes=(0, 0))
        return cls(scenario, t, name)

    # -- other forms ----------------------------------------------------------------------------------------------

    @property
    def collins_gisin(self) -> NDArray[np.float64]:
        """Coefficients in Collins-Gisin coordinates, same shape."""
        t = self.coefficients
        for party in range(self.scenario.parties):
            t = np.tensordot(t, np.linalg.inv(self.scenario.collins_gisin(party)), axes=(0, 0))
        return t

    @property
    def correlator_tensor(self) -> NDArray[np.float64]:
        """Coefficients of correlators, as :meth:`from_correlator_tensor` takes them; binary outcomes."""
        return correlator_tensor(self.scenario, self.coefficients)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Coefficients ``t[a, b, .., x, y, ..]`` of probabilities that give the value of every no-signaling behaviour.

        There are many such tables. In this one the marginals are averaged over the settings of the others.

        >>> e = BellExpression.from_correlators([[1, 1], [1, -1]])
        >>> bool((BellExpression.from_probabilities(e.probabilities).coefficients == e.coefficients).all())
        True
        """
        t = self.coefficients
        for party in range(self.scenario.parties):
            t = np.tensordot(t, self.scenario.readout(party), axes=(0, 0))
        n = self.scenario.parties  # axes now: outcome and setting of each party
        return t.transpose([2 * i for i in range(n)] + [2 * i + 1 for i in range(n)])

    def value(self, behaviour: Behaviour) -> float:
        """The value on a behaviour of the same scenario."""
        if behaviour.scenario != self.scenario:
            raise InvalidShape(f"a behaviour of {behaviour.scenario} does not fit an expression of {self.scenario}.")
        return float(np.sum(self.coefficients * behaviour.moments))

    __call__ = value

    # -- exact bounds ---------------------------------------------------------------------------------------------

    @property
    def local_bound(self) -> float:
        """Maximum over local behaviours, by enumeration of deterministic strategies (in floating point)."""
        return maximize_deterministic(self.scenario, self.coefficients)

    @property
    def local_minimum(self) -> float:
        """Minimum over local behaviours."""
        return -maximize_deterministic(self.scenario, -self.coefficients)

    def bound(self, model: Any, **options: Any) -> Any:
        """Certified upper bound on the value over a model's set: :func:`sdpbound.maximize`, asked of the expression.

        Parameters
        ----------
        model : ``Quantum(level)``, ``NoSignaling()`` or ``Local()``
        options : keywords of :func:`sdpbound.maximize`, such as ``observed``

        Returns
        -------
        Bound, side "upper", in the units of the coefficients. For a lower bound on the minimum take the bound of the
        negative expression with the other sign, or :func:`sdpbound.minimize`.

        Raises
        ------
        InvalidInput, Infeasible, SolverFailure: as of :func:`sdpbound.maximize`

        >>> import sdpbound as sb
        >>> [round(sb.chsh().bound(model).value, 6) for model in (sb.Local(), sb.Quantum("1"), sb.NoSignaling())]
        [2.0, 2.828427, 4.0]
        """
        return import_module(_PROVING).maximize(self, model, **options)

    # -- arithmetic -----------------------------------------------------------------------------------------------

    def _like(self, table: NDArray[np.float64], name: str = "") -> BellExpression:
        return BellExpression(self.scenario, table, name)

    def __add__(self, other: object) -> BellExpression:
        if isinstance(other, BellExpression):
            if other.scenario != self.scenario:
                raise InvalidShape(f"expressions of {self.scenario} and {other.scenario} cannot be added.")
            return self._like(self.coefficients + other.coefficients)
        if isinstance(other, (int, float)):
            table = self.coefficients.copy()
            table[(0,) * table.ndim] += other
            return self._like(table)
        return NotImplemented

    __radd__ = __add__

    def __neg__(self) -> BellExpression:
        return self._like(-self.coefficients)

    def __sub__(self, other: object) -> BellExpression:
        if isinstance(other, (BellExpression, int, float)):
            return self + (-other)
        return NotImplemented

    def __rsub__(self, other: object) -> BellExpression:
        return -self + other

    def __mul__(self, factor: object) -> BellExpression:
        if isinstance(factor, (int, float, np.floating, np.integer)):
            return self._like(self.coefficients * float(factor))
        return NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, factor: float) -> BellExpression:
        return self * (1.0 / factor)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BellExpression):
            return NotImplemented
        return self.scenario == other.scenario and np.array_equal(self.coefficients, other.coefficients)

    def __hash__(self) -> int:
        return hash((self.scenario, self.coefficients.tobytes()))

    # -- relabellings ---------------------------------------------------------------------------------------------

    def permute_parties(self, order: Sequence[int]) -> BellExpression:
        """New party i is old party ``order[i]``."""
        order = _order(order)
        if sorted(order) != list(range(self.scenario.parties)):
            raise InvalidSettings(
                f"order = {order} must be a permutation of the parties 0 to {self.scenario.parties - 1}."
            )
        scenario = Scenario(tuple(self.scenario.outcomes[i] for i in order))
        return BellExpression(scenario, self.coefficients.transpose(order))

    def permute_settings(self, party: int, order: Sequence[int]) -> BellExpression:
        """The party's new setting x is its old setting ``order[x]``."""
        order, party = _order(order), whole(party, "party", 0, self.scenario.parties - 1)
        if sorted(order) != list(range(self.scenario.settings[party])):
            raise InvalidSettings(f"order = {order} must be a permutation of the settings of party {party}.")
        outcomes = list(self.scenario.outcomes)
        outcomes[party] = tuple(outcomes[party][x] for x in order)
        index = [0] + [
            1 + i for x in order for i, letter in enumerate(self.scenario.letters[party]) if letter.setting == x
        ]
        return BellExpression(Scenario(tuple(outcomes)), np.take(self.coefficients, index, axis=party))

    def permute_outcomes(self, party: int, setting: int, order: Sequence[int]) -> BellExpression:
        """The new outcome a of one setting is its old outcome ``order[a]``."""
        order, party = _order(order), whole(party, "party", 0, self.scenario.parties - 1)
        setting = self.scenario.require_setting(party, setting)
        d = self.scenario.outcomes[party][setting]
        if sorted(order) != list(range(d)):
            raise InvalidSettings(f"order = {order} must be a permutation of the outcomes 0 to {d - 1}.")
        matrix = np.eye(self.scenario.shape[party])
        letters = self.scenario.letters[party]
        for i, letter in enumerate(letters, start=1):
            if letter.setting != setting:
                continue
            if letter.outcome is None:
                matrix[i, i] = 1.0 if order[0] == 0 else -1.0
            else:
                # the old projector on outcome o is the new one on the place where o stands in order
                matrix[i] = self.scenario.effect(party, setting, order.index(letter.outcome))
        table = np.moveaxis(np.tensordot(self.coefficients, matrix, axes=(party, 0)), -1, party)
        return self._like(table)

    # -- printing -------------------------------------------------------------------------------------------------

    def _terms(self) -> list[tuple[float, str]]:
        """Coefficients that are not zero, each with the product that it multiplies; none is the constant."""
        indices = itertools.product(*(range(k) for k in self.scenario.shape))
        return [(float(self.coefficients[i]), self.scenario.word(i)) for i in indices if self.coefficients[i] != 0.0]

    def __repr__(self) -> str:
        parts: list[str] = []
        for c, word in self._terms():
            size, body = f"{abs(c):.6g}", f"<{word}>" if word else ""
            text = body if body and size == "1" else f"{size} {body}".strip()
            parts.append(f"{'-' if c < 0 else '+'} {text}" if parts else (f"-{text}" if c < 0 else text))
        terms = " ".join(parts) or "0"
        return f"{self.name}: {terms}" if self.name else terms

    def to_latex(self) -> str:
        r"""The expression as a formula of LaTeX, without dollars; coefficients with six digits.

        Letters are those of ``print``: ``A_{0}`` is the observable of setting 0, ``A_{1|0}`` the projector on outcome 1
        of setting 0.

        >>> print(BellExpression.from_correlators([[1, 1], [1, -1]]).to_latex())
        \langle A_{0} B_{0}\rangle+\langle A_{0} B_{1}\rangle+\langle A_{1} B_{0}\rangle-\langle A_{1} B_{1}\rangle
        """
        parts: list[str] = []
        for c, word in self._terms():
            letters = [f"{w[0]}_{{{w[1:]}}}" for w in word.split()]
            size, body = f"{abs(c):.6g}", r"\langle " + " ".join(letters) + r"\rangle" if letters else ""
            text = body if body and size == "1" else f"{size}{body}"
            parts.append(("-" if c < 0 else "+" if parts else "") + text)
        return "".join(parts) or "0"

    def _repr_latex_(self) -> str:
        return f"${self.to_latex()}$"


def _order(order: Iterable[SupportsIndex]) -> tuple[int, ...]:
    try:
        return tuple(operator.index(i) for i in order)
    except TypeError:
        raise InvalidSettings(f"order = {order!r:.60} must be a permutation, a list of integers from 0.") from None
