"""The options of finite lengths of key and randomness."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, get_args

import numpy as np
from numpy.typing import ArrayLike

from sdpbound.arguments import counted, instance
from sdpbound.bell.channel import Preprocessing
from sdpbound.entropies.question import require_channel
from sdpbound.errors import InvalidParameter
from sdpbound.finite_size.figures import FiniteSecurity
from sdpbound.finite_size.functionals import EntropySource

__all__ = [
    "MOST_ROUNDS",
    "FiniteChanges",
    "FiniteKeyChanges",
    "FiniteKeyOptions",
    "FiniteMethod",
    "FiniteOptions",
    "FiniteRandomnessChanges",
    "FiniteRandomnessOptions",
    "Inputs",
    "require_rounds",
]

FiniteMethod = Literal["auto", "renyi", "accumulation"]
METHODS = get_args(FiniteMethod)
Inputs = Literal["public", "recycled"]
INPUTS = get_args(Inputs)
#: The most lengths that a protocol may choose from.
MOST_LENGTHS = 1 << 20
#: The most rounds; n is a float, and floats beyond this are too coarse.
MOST_ROUNDS = 1e18


def require_rounds(value: object, name: str = "n") -> float:
    """A whole number of rounds from 1 to 1e18."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, np.integer, np.floating))
        or not 1.0 <= value <= MOST_ROUNDS
    ):
        raise InvalidParameter(f"{name} = {value!r:.60} must be a number of rounds from 1 to {MOST_ROUNDS:g}.")
    if value != math.floor(value):
        raise InvalidParameter(f"{name} = {float(value)!r} must be a whole number of rounds, such as {round(value)}.")
    return float(value)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FiniteOptions:
    """The options for the security and the test of a finite length.

    Parameters
    ----------
    entropies : affine lower bounds on the entropy of the key: bounds of :func:`conditional_entropy`, their functionals,
        or BellExpressions in bits, which are trusted. Or an Entropy with which such bounds are computed; default
        VonNeumann(). The best bound for each number of rounds is used
    security : the allowed failures, default FiniteSecurity()
    test_probability : probability that a round is tested, from 1e-12 to 1; default: the best
    test_distribution : (X, Y) probabilities of the settings of a tested round; default: proportional to the range of
        their contributions to the functional
    method : "accumulation" of von Neumann entropies, "renyi" for accumulation of Renyi entropies of devices whose data
        determine a CHSH value, or "auto", the longer one; with bounds as ``entropies`` "auto" is "accumulation", whose
        bounds they are
    lengths : in how many steps the length may depend on the counts, from 1 (a fixed length) to 2^20; more than 1 need
        Renyi entropies, and cost the logarithm of their number. ``FiniteLength.length_for`` is then the length
    """

    entropies: EntropySource = None
    security: FiniteSecurity = field(default_factory=FiniteSecurity)
    test_probability: float | None = None
    test_distribution: ArrayLike | None = None
    method: FiniteMethod = "auto"
    lengths: int = 1

    def __post_init__(self) -> None:
        security = FiniteSecurity() if self.security is None else self.security
        instance(security, FiniteSecurity, "security", "FiniteSecurity(soundness=1e-10)")
        object.__setattr__(self, "security", security)
        p = self.test_probability
        if p is not None and (isinstance(p, bool) or not isinstance(p, (int, float)) or not 1e-12 <= p <= 1.0):
            raise InvalidParameter(f"test_probability = {p!r:.60} must be a number from 1e-12 to 1.")
        object.__setattr__(self, "lengths", counted(self.lengths, "lengths", 1))
        if self.lengths > MOST_LENGTHS:
            raise InvalidParameter(f"lengths = {self.lengths} must be at most {MOST_LENGTHS}; 1000 are enough.")
        if self.lengths > 1 and self.method == "accumulation":
            raise InvalidParameter(f"lengths = {self.lengths} need method = 'renyi', not 'accumulation'.")
        if self.method not in METHODS:
            raise InvalidParameter(f"method = {self.method!r:.60} must be one of {', '.join(METHODS)}.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FiniteKeyOptions(FiniteOptions):
    """The options for the security, the test and the processing of a finite key.

    Parameters
    ----------
    preprocessing : probability in [0, 1/2] with which Alice flips a key bit, or the BinaryChannel that it passes; bits
        of tests stay as they are. ``entropies`` are the entropies after that
    merge : the key's value 0, 1, .. for each of Alice's outcomes at x, if the key of untested rounds is a function of
        them, such as (0, 0, 1); tests keep their outcomes. It needs accumulation of von Neumann entropies
    entropies, security, test_probability, test_distribution, method, lengths : as in :class:`FiniteOptions`

    >>> FiniteKeyOptions(test_probability=0.1).security.soundness  # for finite_key_length(..., options=...)
    1e-10
    """

    preprocessing: Preprocessing = 0.0
    merge: Sequence[Any] | None = None

    def __post_init__(self) -> None:
        FiniteOptions.__post_init__(self)
        object.__setattr__(self, "preprocessing", require_channel(self.preprocessing))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FiniteRandomnessOptions(FiniteOptions):
    """The options for the security and the test of finite randomness.

    Parameters
    ----------
    net : whether to choose the parameters that are best for the net length, which is the length less the seed for
        tests and settings
    inputs : "public", where tests and settings are published after the last round; or "recycled", where they stay
        secret and are hashed with the outcomes. What they took then comes out again, so that the best net length is
        chosen for. It needs Renyi entropies
    entropies, security, test_probability, test_distribution, method, lengths : as in :class:`FiniteOptions`

    >>> FiniteRandomnessOptions(net=True).method  # for finite_randomness_length(..., options=...)
    'auto'
    """

    net: bool = False
    inputs: Inputs = "public"

    def __post_init__(self) -> None:
        FiniteOptions.__post_init__(self)
        if self.inputs not in INPUTS:
            raise InvalidParameter(f"inputs = {self.inputs!r:.60} must be one of {', '.join(INPUTS)}.")
        if self.inputs == "recycled":
            if self.method == "accumulation":
                raise InvalidParameter("inputs = 'recycled' need method = 'renyi', not 'accumulation'.")
            object.__setattr__(self, "net", True)


class FiniteChanges(TypedDict, total=False):
    """The options of :class:`FiniteOptions`, each as a keyword of a call."""

    entropies: EntropySource
    security: FiniteSecurity | None
    test_probability: float | None
    test_distribution: ArrayLike | None
    method: FiniteMethod
    lengths: int


class FiniteKeyChanges(FiniteChanges, total=False):
    """The options of :class:`FiniteKeyOptions`, each as a keyword of a call."""

    preprocessing: Preprocessing
    merge: Sequence[Any] | None


class FiniteRandomnessChanges(FiniteChanges, total=False):
    """The options of :class:`FiniteRandomnessOptions`, each as a keyword of a call."""

    net: bool
    inputs: Inputs
