"""Lengths from finitely many rounds as figures of merit, and their allowed failures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from sdpbound.arguments import counted, instance
from sdpbound.bell.channel import Preprocessing
from sdpbound.bell.key import Merge, key_words
from sdpbound.bounds.figures import ConditionalEntropy, Figure, written
from sdpbound.errors import InvalidParameter

__all__ = ["REGISTERS", "FiniteFigure", "FiniteKeyLength", "FiniteRandomnessLength", "FiniteSecurity"]

#: The assumptions on the registers of the outcomes; see :class:`FiniteSecurity`.
REGISTERS = ("classical", "sharp", "quantum")


@dataclass(frozen=True, kw_only=True)
class FiniteSecurity:
    """The allowed failures of a protocol, each with its probability.

    Parameters
    ----------
    soundness : distance, in (0, 1), of the protocol from an ideal protocol that aborts in the same cases; it covers
        errors of the key and Eve's knowledge together
    completeness : probability, in (0, 1), that the protocol aborts with devices that behave as promised
    efficiency : efficiency of error correction, at least 1: a factor on the Shannon entropy to be sent
    registers : the bound on the information variance of the d outcomes of a round. "quantum" is the theorem as printed:
        log(2 d^2 + 1) in V and 2 log d in K. "classical" uses the paper's lemma for classical outcomes: log(2 d + 1)
        and log d. "sharp" has log(sqrt(d) + sqrt(d - 1)) and log d. docs/finite_size.md proves all three

    >>> FiniteSecurity(soundness=1e-5).completeness
    0.01
    """

    soundness: float = 1e-10
    completeness: float = 1e-2
    efficiency: float = 1.0
    registers: str = "classical"

    def __post_init__(self) -> None:
        for name, low, high in (("soundness", 1e-300, 1.0), ("completeness", 1e-300, 1.0), ("efficiency", 1.0, 100.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise InvalidParameter(f"{name} = {value!r:.60} must be a number from {low:g} to {high:g}.")
            if high == 1.0 and value == 1.0:
                raise InvalidParameter(f"{name} = 1 promises nothing; give a probability below 1, such as 1e-10.")
        if self.registers not in REGISTERS:
            raise InvalidParameter(f"registers = {self.registers!r:.60} must be one of {', '.join(REGISTERS)}.")


@dataclass(frozen=True, slots=True)
class FiniteFigure(Figure):
    """The figure of merit of a length in bits from a number of rounds.

    Attributes
    ----------
    x, y, preprocessing : settings of the output, and probability with which Alice flips her bit, or its channel
    security : the allowed failures
    rounds : the number n of rounds; None if it is still open
    merge : the key's value for each of Alice's outcomes, if the key of untested rounds is a function of them
    inputs : "public", or "recycled" where tests and settings stay secret and belong to the string that is hashed
    """

    unit = "bit"
    x: int
    y: int | None
    preprocessing: Preprocessing = 0.0
    security: FiniteSecurity = field(default_factory=FiniteSecurity)
    rounds: int | None = None
    merge: Merge | None = None
    inputs: str = "public"

    def __post_init__(self) -> None:
        instance(self.security, FiniteSecurity, "security", "FiniteSecurity(soundness=1e-10)")
        settings = ConditionalEntropy(self.x, self.y, self.preprocessing, None, self.merge)  # checked alike
        object.__setattr__(self, "x", settings.x)
        object.__setattr__(self, "y", settings.y)
        object.__setattr__(self, "merge", settings.merge)
        if self.rounds is not None:
            object.__setattr__(self, "rounds", counted(self.rounds, "rounds", 1))

    def entry(self) -> dict[str, Any]:
        own = {"kind": self.kind, "x": self.x, "y": self.y, "preprocessing": written(self.preprocessing)}
        own |= {} if self.merge is None else {"merge": list(self.merge)}
        own |= {} if self.inputs == "public" else {"inputs": self.inputs}
        return own | asdict(self.security) | ({} if self.rounds is None else {"rounds": self.rounds})

    def _words(self, output: str) -> str:
        at = f"x={self.x}" if self.y is None else f"x={self.x}, y={self.y}"
        at += "" if self.merge is None else f" of {key_words((self.x,), self.merge)[0]}"
        at += "" if self.inputs == "public" else f" with {self.inputs} inputs"
        return f"length of {output} at {at}" + ("" if self.rounds is None else f" from {self.rounds:g} rounds")


@dataclass(frozen=True, slots=True)
class FiniteKeyLength(FiniteFigure):
    """The figure of the length of a secret key; y is Bob's setting of the key."""

    kind = "finite_key_length"

    @property
    def words(self) -> str:
        return self._words("key")


@dataclass(frozen=True, slots=True)
class FiniteRandomnessLength(FiniteFigure):
    """The figure of the length of a random string, from Alice's outcome or with y from both outcomes."""

    kind = "finite_randomness_length"

    @property
    def words(self) -> str:
        return self._words("randomness")
