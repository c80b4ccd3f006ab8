"""What the parties test: linear data of a behaviour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdpbound.arguments import floats, instance, numbered, reals, whole
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.exact import ExactSinglet
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.key import LETTERS, all_settings
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.symmetry import nearest_symmetric
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidSettings, InvalidShape

__all__ = ["DATA_TOLERANCE", "Observations"]


#: Measured data mean this interval around the floats; its width is charged to every bound about them.
DATA_TOLERANCE = 1e-12


@dataclass(frozen=True, eq=False)
class Observations:
    """What the parties test: values of Bell expressions, each meant as an interval of 1e-12 around the float.

    Data of a behaviour that is exact, such as ``SingletSelfTest(...).behaviour()``, are exact too: they are the values
    of ``exact``, and the floats are near to them. Closed forms at self-tests are about exact data. All other bounds are
    about the intervals: what they say holds wherever in them the true values are. Data made of floats are *measured*.

    Attributes
    ----------
    scenario : Scenario
    coefficients : (J, *scenario.shape)
    values, tolerances : (J,)
    kind : "bell", "correlators", "full" or "custom"; for tables and messages
    exact : the exact correlations of which these are the values; None for measured data, as all data with a wider
        tolerance are
    """

    scenario: Scenario
    coefficients: NDArray[np.float64]
    values: NDArray[np.float64]
    tolerances: NDArray[np.float64]
    kind: str = "custom"
    exact: ExactSinglet | None = None

    def __post_init__(self) -> None:
        instance(self.scenario, Scenario, "scenario", "Scenario.bipartite(2, 2)")
        c = floats(self.coefficients, "tested expressions")
        v = floats(self.values, "tested values").reshape(-1)
        t = floats(self.tolerances, "tolerances of tested values")
        if c.shape != (v.size, *self.scenario.shape) or t.shape not in ((), v.shape):
            raise InvalidShape(
                f"tested expressions of shape {c.shape}, {v.size} values, tolerances of shape {t.shape} do not match: "
                f"expressions need shape (J, {', '.join(map(str, self.scenario.shape))}), values and tolerances (J,)."
            )
        t = np.array(np.broadcast_to(t, v.shape))
        if (t < 0).any():
            raise InvalidParameter(f"tolerances of tested values must be at least 0, not {t.min():g}.")
        for name, array in (("coefficients", c), ("values", v), ("tolerances", t)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if (t > DATA_TOLERANCE).any():  # then they are not meant to be exact
            object.__setattr__(self, "exact", None)

    @classmethod
    def none(cls, scenario: Scenario) -> Observations:
        """Nothing tested."""
        return cls(scenario, np.zeros((0, *scenario.shape)), np.zeros(0), np.zeros(0), "none")

    @classmethod
    def bell_value(
        cls, expression: BellExpression, value: float | Behaviour, tolerance: float = DATA_TOLERANCE
    ) -> Observations:
        """One Bell expression has this value, or the value that it has on this behaviour."""
        if not isinstance(value, Behaviour):
            return cls.bell_values([(expression, value)], tolerance)
        own = instance(expression, BellExpression, "a tested expression", "chsh()").value(value)
        return replace(cls.bell_values([(expression, own)], tolerance), exact=value.exact)

    @classmethod
    def bell_values(
        cls, pairs: Iterable[tuple[BellExpression, float]], tolerance: float = DATA_TOLERANCE
    ) -> Observations:
        """Several Bell expressions have these values."""
        try:
            items = [(instance(e, BellExpression, "a tested expression", "chsh()"), v) for e, v in pairs]
        except (TypeError, ValueError) as error:
            if isinstance(error, InvalidInput):
                raise
            raise InvalidParameter("tested Bell values are a list of pairs (expression, value).") from None
        if not items:
            raise InvalidParameter("give at least one pair (expression, value) to test.")
        scenario = items[0][0].scenario
        if any(e.scenario != scenario for e, _ in items):
            raise InvalidShape("all tested expressions must belong to the same scenario.")
        values = np.array([floats(v, "a tested Bell value") for _, v in items])
        table = np.array([e.coefficients for e, _ in items])
        return cls(scenario, table, values, floats(tolerance, "tolerance"), "bell")

    @classmethod
    def between(
        cls,
        expressions: BellExpression | Sequence[BellExpression],
        low: float | Sequence[float],
        high: float | Sequence[float],
    ) -> Observations:
        """Bell expressions have values between two numbers: real inequalities, one multiplier for each end.

        Parameters
        ----------
        expressions : one expression, or several of one scenario
        low, high : numbers, or one for each expression; -inf and inf for no limit

        Values and tolerances are the middles and half the lengths of the intervals, rounded so that these are covered.

        >>> import sdpbound as sb
        >>> at_least = sb.Observations.between(sb.chsh(), 2.5, float("inf"))
        >>> round(sb.minimize(sb.chsh(), sb.Quantum("1"), at_least).value, 6)
        2.5
        """
        own = [expressions] if isinstance(expressions, BellExpression) else list(expressions)
        checked = [instance(e, BellExpression, "a tested expression", "chsh()") for e in own]
        if not checked or any(e.scenario != checked[0].scenario for e in checked):
            raise InvalidShape("give at least one expression, and all of the same scenario.")
        table = np.array([e.coefficients for e in checked])
        most = np.abs(table).reshape(len(checked), -1).sum(axis=1)
        try:
            ends = [np.broadcast_to(reals(end, name), most.shape) for end, name in ((low, "low"), (high, "high"))]
        except ValueError:
            raise InvalidShape(
                f"low and high must be one number, or one for each of {len(checked)} expressions."
            ) from None
        if np.isnan(ends).any() or (ends[0] == np.inf).any() or (ends[1] == -np.inf).any():
            raise InvalidParameter("low and high must be numbers; -inf as low and inf as high are no limit.")
        bottom, top = np.maximum(ends[0], -most), np.minimum(ends[1], most)
        if (bottom > top).any():
            j = int(np.argmax(bottom > top))
            raise InvalidParameter(
                f"the interval from {ends[0][j]:g} to {ends[1][j]:g} is empty, or outside of what the "
                f"expression can be: "
                f"-{most[j]:g} to {most[j]:g}."
            )
        middle = 0.5 * (bottom + top)
        half = np.maximum(top - middle, middle - bottom)
        half = np.where(half > 0.0, np.nextafter(np.nextafter(half, np.inf), np.inf), 0.0)
        return cls(checked[0].scenario, table, middle, np.maximum(half, DATA_TOLERANCE), "intervals")

    def joined(self, *others: Observations) -> Observations:
        """These tests and those of others, of the same scenario; measured data, unless there are no others."""
        parts = [self, *(instance(o, Observations, "others", "Observations.between(chsh(), 2, 3)") for o in others)]
        if any(part.scenario != self.scenario for part in parts):
            raise InvalidShape("all tests must belong to the same scenario.")
        if len(parts) == 1:
            return self
        return Observations(
            self.scenario,
            np.concatenate([part.coefficients for part in parts]),
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.tolerances for part in parts]),
            "custom",
        )

    @classmethod
    def correlators(
        cls,
        behaviour: Behaviour | ArrayLike,
        settings: Sequence[tuple[int, ...]] | None = None,
        tolerance: float = DATA_TOLERANCE,
    ) -> Observations:
        """The correlators <A_x B_y>: all X * Y of them, or those of the pairs ``settings``. Binary outcomes.

        Of more parties <A_x B_y C_z ..>, of all of them at once. ``behaviour`` may also be an array (X, Y, ..) of
        correlators. With ``settings``, only the settings that these name must have two outcomes.
        """
        if isinstance(behaviour, Behaviour):
            scenario, own = behaviour.scenario, behaviour.moments
            if settings is None and not scenario.is_binary:
                raise InvalidShape(
                    f"correlators need binary outcomes, not {scenario}; test all probabilities, by observed='full' or "
                    "Observations.full(behaviour), or name the pairs of settings that have two outcomes."
                )
        else:
            c = floats(behaviour, "correlators")
            if c.ndim < 2:
                raise InvalidShape(f"correlators must have shape (X, Y), or one axis for each party, not {c.shape}.")
            scenario = Scenario(tuple((2,) * whole(k, "a number of settings", 1, 1000) for k in c.shape))
            own = np.pad(c, [(1, 0)] * c.ndim)
        pairs = all_settings(scenario) if settings is None else _named(scenario, settings)
        places = [tuple(_observable(scenario, party, s) for party, s in enumerate(pair)) for pair in pairs]
        table = np.zeros((len(pairs), *scenario.shape))
        for j, place in enumerate(places):
            table[(j, *place)] = 1.0
        values = np.array([own[place] for place in places])
        exact = behaviour.exact if isinstance(behaviour, Behaviour) else None
        return cls(scenario, table, values, floats(tolerance, "tolerance"), "correlators", exact)

    @classmethod
    def full(
        cls,
        behaviour: Behaviour,
        tolerance: float = DATA_TOLERANCE,
        settings: Sequence[tuple[int, ...]] | None = None,
    ) -> Observations:
        """The full behaviour: every coordinate of the scenario except the constant.

        With ``settings``, the joint distributions of these pairs (x, y) alone, marginals among them; of more parties
        one setting for each. A setting that none of them names is not tested, as one that makes the key alone.

        >>> import sdpbound as sb
        >>> three = sb.Behaviour.from_correlators([[0.7, 0.7, 0.9], [0.7, -0.7, 0.0]])
        >>> tests = [(0, 0), (0, 1), (1, 0), (1, 1)]
        >>> len(sb.Observations.full(three)), len(sb.Observations.full(three, settings=tests))
        (11, 8)
        """
        scenario = instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()").scenario
        size = int(np.prod(scenario.shape))
        kept, kind = np.ones(scenario.shape, dtype=bool), "full"
        if settings is not None:
            kept = np.zeros(scenario.shape, dtype=bool)
            for pair in _named(scenario, settings):
                kept[np.ix_(*(_coordinates(scenario, party, s) for party, s in enumerate(pair)))] = True
            kind = "full" if kept.all() else "custom"
        rows = np.flatnonzero(kept.reshape(-1))[1:]
        table = np.eye(size)[rows].reshape(-1, *scenario.shape)
        values, exact = behaviour.moments.reshape(-1)[rows], behaviour.exact
        return cls(scenario, table, values, floats(tolerance, "tolerance"), kind, exact)

    @classmethod
    def correlators_and_marginals(cls, behaviour: Behaviour, tolerance: float = DATA_TOLERANCE) -> Observations:
        """All correlators and marginals; for binary outcomes this is :meth:`full`."""
        behaviour._binary("correlators and marginals")
        return cls.full(behaviour, tolerance)

    def drop_untested(self) -> Observations:
        """The same data in the scenario without those settings of the second of two parties that none of them involves.

        A setting of Bob that is never tested puts no condition on Eve, whatever his device would answer to it. So Eve's
        entropy of Alice's outcome is the same without that setting.
        """
        scenario = self.scenario
        if scenario.parties != 2:
            return self
        used: list[bool] = (self.coefficients != 0.0).any(axis=(0, 1)).tolist()
        letters = scenario.letters[1]
        kept = sorted({letter.setting for letter, touched in zip(letters, used[1:], strict=True) if touched})
        if not kept or len(kept) == scenario.settings[1]:
            return self
        columns = [0, *(i + 1 for i, letter in enumerate(scenario.letters[1]) if letter.setting in kept)]
        smaller = Scenario((scenario.outcomes[0], tuple(scenario.outcomes[1][s] for s in kept)))
        return replace(self, scenario=smaller, coefficients=self.coefficients[:, :, columns])

    def symmetrised(self, within: float = 1e-6) -> Observations:
        """The same data, exactly symmetric where they are nearly so.

        Bounds use the relabellings of parties, settings and outcomes that leave the data unchanged. Measured
        frequencies and rounded tables of a symmetric behaviour have them only nearly. Here each value is replaced by
        its mean over all relabellings that change no value by more than about ``within``, and its tolerance grows by
        what that moved it, or one of its images: a bound on the new data holds for the old ones, and the difference is
        charged to it.

        Parameters
        ----------
        within : values that differ by less are taken to be the same, 0 < within < 1

        Returns
        -------
        Observations; the same object if nothing moves

        >>> import numpy as np
        >>> table = np.array([[1, 1], [1, -1]]) * 0.7 + [[1e-8, 0], [0, 0]]
        >>> data = Observations.correlators(table).symmetrised()
        >>> bool(abs(np.abs(data.values) - 0.7).max() < 3e-9), bool(data.tolerances.max() < 1e-8)
        (True, True)
        """
        distance = numbered(within, "within")
        if not 0.0 < distance < 1.0:
            raise InvalidParameter(f"within = {within!r} must lie between 0 and 1; take a small number such as 1e-6.")
        if not len(self):
            return self
        values, orbits = nearest_symmetric(self.scenario, self.coefficients, self.values, distance)
        moved = np.abs(values - self.values)
        if not moved.max() > 0.0:
            return self
        # rounded up, so that the new intervals hold the old ones
        slack = 4.0 * np.finfo(np.float64).eps * (np.abs(values) + np.abs(self.values))
        own = np.where(moved > 0.0, (self.tolerances + moved + slack) * (1.0 + 1e-15), self.tolerances)
        wider = np.zeros(len(self))
        np.maximum.at(wider, orbits, own)  # and symmetric themselves
        return replace(self, values=values, tolerances=wider[orbits])

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Observations):
            return NotImplemented
        return (
            self.scenario == other.scenario
            and np.array_equal(self.coefficients, other.coefficients)
            and np.array_equal(self.values, other.values)
            and np.array_equal(self.tolerances, other.tolerances)
            and self.exact == other.exact
        )

    def __hash__(self) -> int:
        return hash((self.scenario, self.coefficients.tobytes(), self.values.tobytes()))

    def __repr__(self) -> str:
        which = "tested values" if self.exact is None else "exact values"
        return f"Observations({self.kind}, {len(self)} {which}, {self.scenario})"


def _named(scenario: Scenario, settings: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Pairs of settings, or settings of all parties, checked: each once, and all there."""
    n = scenario.parties
    try:
        asked = [tuple(pair) for pair in settings]
        if any(len(pair) != n for pair in asked):
            raise ValueError
    except (TypeError, ValueError):
        what = "pairs (x, y)" if n == 2 else f"settings of all {n} parties"
        raise InvalidSettings(f"settings = {settings!r:.60} must be a list of {what}.") from None
    pairs = [
        tuple(scenario.require_setting(party, s, LETTERS[party]) for party, s in enumerate(pair)) for pair in asked
    ]
    if not pairs or len(set(pairs)) != len(pairs):
        raise InvalidSettings(f"settings = {list(settings)} must name at least one of them, each once.")
    return pairs


def _coordinates(scenario: Scenario, party: int, setting: int) -> list[int]:
    """The coordinates of a party that are of one of its settings, the constant first."""
    return [0, *(i for i, letter in enumerate(scenario.letters[party], start=1) if letter.setting == setting)]


def _observable(scenario: Scenario, party: int, setting: int) -> int:
    """The coordinate of a setting's observable; :class:`InvalidShape` if it has not two outcomes."""
    count = scenario.outcomes[party][setting]
    if count != 2:
        raise InvalidShape(
            f"correlators need two outcomes, and setting {setting} of party {'ABCDEFGH'[party]} has {count}; leave it "
            "out of settings, or test the full behaviour."
        )
    return _coordinates(scenario, party, setting)[1]
