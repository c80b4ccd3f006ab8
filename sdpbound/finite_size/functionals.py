"""Affine lower bounds on the entropy of a round, computed here or given by the user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache

from sdpbound.arguments import instance
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.channel import Preprocessing
from sdpbound.bell.exact import ExactSinglet
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.key import Merge
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Functional
from sdpbound.bounds.boundary import towards_noise
from sdpbound.bounds.figures import ConditionalEntropy
from sdpbound.entropies.auto import Auto
from sdpbound.entropies.conditional import VonNeumann, conditional_entropy
from sdpbound.entropies.entropy import Entropy, EntropyBound
from sdpbound.entropies.question import require_channel
from sdpbound.errors import InvalidInput, InvalidShape, TimeIsUp
from sdpbound.limiting import is_limited, share
from sdpbound.rates.tested import observations_of

__all__ = ["DISTANCES", "EntropySource", "data_numbers", "entropy_functionals"]

EntropySource = Entropy | Sequence[EntropyBound | Functional | BellExpression] | None
#: Bits that programs gain at the data for which they are not asked at other distances: seconds for each.
HARDLY = 1e-4
#: The part of a limited time that the bound at the data may take, so that some is left for less steep functionals.
_OF_FIRST = 0.6
#: The part of what is then left that the other bounds may take. The rest is for the scores of tests.
_OF_OTHERS = 0.7
#: The entropy is bounded at data moved this far towards white noise. A functional that is best farther inside the set
#: is less steep, which is worth more for fewer rounds.
DISTANCES = (0.0, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.03, 0.06, 0.1)


@dataclass(frozen=True)
class _Asked:
    """Tested data, by their numbers, and the key."""

    numbers: tuple[bytes, ...]
    kind: str
    exact: ExactSinglet | None
    key: ConditionalEntropy
    data: Observations = field(compare=False)


def data_numbers(data: Observations) -> tuple[bytes, ...]:
    """The numbers of tested data, by which those are known again."""
    arrays = (data.coefficients, data.values, data.tolerances)
    return (f"{data.scenario.outcomes}".encode(), *(a.tobytes() for a in arrays))


@lru_cache(maxsize=16)
def _kept(asked: _Asked) -> tuple[EntropyBound, ...]:
    """The bounds that are computed by default, for other numbers of rounds."""
    return tuple(_bounds(asked.data, asked.key, VonNeumann()))


def entropy_functionals(
    behaviour: Behaviour,
    observed: Observations | str,
    x: int,
    y: int | None,
    preprocessing: Preprocessing,
    entropies: EntropySource,
    merge: Merge | None = None,
) -> list[tuple[BellExpression, EntropyBound | None]]:
    """The functionals to choose from, with their proofs; each is below the entropy of every quantum behaviour."""
    data = observations_of(behaviour, observed)
    if behaviour.scenario.parties != 2:
        raise InvalidShape(f"finite-size lengths are for two parties, not {behaviour.scenario}.")
    x = behaviour.scenario.require_setting(0, x, "x")
    y = None if y is None else behaviour.scenario.require_setting(1, y, "y")
    preprocessing = require_channel(preprocessing)
    asked = ConditionalEntropy(x, y, preprocessing, None, merge)
    if entropies is None and not is_limited():
        entropies = _kept(_Asked(data_numbers(data), data.kind, data.exact, asked, data))
    elif entropies is None or isinstance(entropies, Entropy):
        entropies = _bounds(data, asked, VonNeumann() if entropies is None else entropies)
    if isinstance(entropies, (EntropyBound, Functional, BellExpression)):
        entropies = [entropies]
    found = [_expression(e, asked) for e in entropies]
    if not found:
        raise InvalidInput("entropies must have at least one bound, such as conditional_entropy(observed, x).")
    for expression, _ in found:
        if expression.scenario != behaviour.scenario:
            raise InvalidShape(f"an entropy bound of {expression.scenario} does not fit {behaviour.scenario}.")
    return found


def _bounds(data: Observations, asked: ConditionalEntropy, method: Entropy) -> Sequence[EntropyBound]:
    """Bounds at all distances, the data first, the others from far to near: each search begins at what the last found.

    The data themselves may be on the boundary of the quantum set, where a search from near by can be slower than none.
    Where coarser data say most at the data, or hardly less, programs are not asked at other distances. Where the time
    ends after the first bound, the others are those that were proven until then.
    """

    def bound(distance: float, how: Entropy) -> EntropyBound:
        moved = replace(data, values=towards_noise(data, distance))
        return conditional_entropy(moved, asked.x or 0, asked.y, how, asked.preprocessing, merge=asked.merge)

    with share(_OF_FIRST):
        first = bound(DISTANCES[0], method)
    found: list[EntropyBound] = []
    with suppress(TimeIsUp), share(_OF_OTHERS):
        swept = _swept(method, first, bound)
        for left in range(len(DISTANCES) - 1, 0, -1):
            with share(1.0 / left):
                found.append(bound(DISTANCES[left], swept))
    return [first, *found[::-1]]


def _swept(method: Entropy, first: EntropyBound, bound: Callable[[float, Entropy], EntropyBound]) -> Entropy:
    """How the entropy is bounded at other distances than that of the data themselves."""
    swept = method.swept()
    if isinstance(swept, Auto):
        quick, own = replace(swept, programs=False), swept.methods.get(first.method)
        by_program = own is not None and not own.exact
        if first.merged or (by_program and bound(DISTANCES[0], quick).value >= first.value - HARDLY):
            return quick
    return swept


def _expression(
    given: EntropyBound | Functional | BellExpression, asked: ConditionalEntropy
) -> tuple[BellExpression, EntropyBound | None]:
    if isinstance(given, EntropyBound):
        if given.merit != asked:
            own = "" if asked.merge is None else f", merge={asked.merge}"
            raise InvalidInput(
                f"{given.figure} is not the entropy of this length: bound x={asked.x}, y={asked.y}, "
                f"q={asked.preprocessing:g}{own}."
            )
        return given.functional.expression, given
    if isinstance(given, Functional):
        if given.side != "lower":
            raise InvalidInput(f"{given!r} is an upper bound; a length needs lower bounds on an entropy.")
        return given.expression, None
    expression: BellExpression = instance(given, BellExpression, "an entropy bound", "conditional_entropy(observed, x)")
    return expression, None
