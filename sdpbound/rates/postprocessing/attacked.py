"""What an explicit mixture of strategies leaves of a key with a post-processing: enclosed in balls, with a certificate.

The numbers are the first checker's own (:mod:`sdpbound.checker.processed_attack`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import flint

from sdpbound.arrays import Floats
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound, Proof
from sdpbound.bounds.certificate import certificate_head
from sdpbound.bounds.figures import Figure
from sdpbound.bounds.rounding import lower_float, rounded
from sdpbound.checker.attack import read_mixture
from sdpbound.checker.processed_attack import PRECISION, rate_left
from sdpbound.checker.processed_question import BASIS, REPETITION, SELECTION, read_processed_question
from sdpbound.errors import CertificateError, InvalidInput

__all__ = ["BasisKey", "BlockKey", "KeptKey", "ProcessedAttack", "attack_on_key", "rows_of"]

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class BasisKey(Figure):
    """``sum_k kept_k [H(A_k|E) - H(A_k|B_k)]`` in bits a round; each term is x, kept, flips, and p_ab."""

    kind: ClassVar[str] = BASIS
    unit: ClassVar[str] = "bit"
    terms: tuple[tuple[int, float, float, Rows], ...]

    @property
    def words(self) -> str:
        return f"key rate of a random basis of the settings {', '.join(str(term[0]) for term in self.terms)}"

    def entry(self) -> dict[str, Any]:
        names = ("x", "kept", "preprocessing", "outcomes")
        terms = [dict(zip(names, (*own, [list(row) for row in rows]), strict=True)) for *own, rows in self.terms]
        return {"kind": self.kind, "terms": terms}


@dataclass(frozen=True, slots=True)
class KeptKey(Figure):
    """``P [H(A|E, kept) - H(A|B, kept)]`` in bits a round with the key's settings, p_ab of all their outcomes."""

    kind: ClassVar[str] = SELECTION
    unit: ClassVar[str] = "bit"
    x: int
    y: int
    alice: tuple[float, ...]
    bob: tuple[float, ...]
    outcomes: Rows

    @property
    def words(self) -> str:
        return f"key rate of post-selected rounds of the settings {self.x} and {self.y}"

    def entry(self) -> dict[str, Any]:
        own: dict[str, Any] = {"kind": self.kind, "x": self.x, "y": self.y}
        return own | {"alice": list(self.alice), "bob": list(self.bob), "outcomes": [list(r) for r in self.outcomes]}


@dataclass(frozen=True, slots=True)
class BlockKey(Figure):
    """``(P / k) sum_m max(0, H(C|E,m) - H(C|C',m))`` in bits a round, of blocks of k rounds, p_ab of all outcomes."""

    kind: ClassVar[str] = REPETITION
    unit: ClassVar[str] = "bit"
    x: int
    y: int
    block: int
    outcomes: Rows

    @property
    def words(self) -> str:
        return f"key rate of blocks of {self.block} rounds of the settings {self.x} and {self.y}"

    def entry(self) -> dict[str, Any]:
        own: dict[str, Any] = {"kind": self.kind, "x": self.x, "y": self.y, "block": self.block}
        return own | {"outcomes": [list(row) for row in self.outcomes]}


def rows_of(table: Floats) -> Rows:
    """A table of probabilities as plain numbers."""
    return tuple(tuple(float(p) for p in row) for row in table)


@dataclass(frozen=True, eq=False, repr=False)
class ProcessedAttack(Bound):
    """An attack on a key with a post-processing: the least rate of strategies with the data is at most ``value``.

    Attributes
    ----------
    attack : the mixture of strategies, as an attack on single rounds
    """

    attack: EntropyAttack = None  # type: ignore[assignment]

    @property
    def exact(self) -> bool:
        """Whether the mixture has the tested data, not only approximately."""
        return self.attack.exact

    @property
    def data(self) -> str:
        """A sentence part that says how well the mixture has the tested data."""
        return self.attack.data

    def __repr__(self) -> str:
        how = f"explicit attack of {len(self.attack.weights)} strategies, {self.data}"
        return f"least {self.figure} <= {rounded(self.value, self.side)} ({self.side} bound; {how})"


@dataclass(frozen=True, eq=False)
class _ProcessedProof(Proof):
    no_functional = "an attack proves no affine functional, it is about its own data only."

    own: Observations
    question: dict[str, Any]
    mixture: dict[str, Any]

    @property
    def given(self) -> Observations:
        return self.own

    def certificate(self, value: float) -> dict[str, Any]:
        return self.question | {"proof": {"processed": self.mixture}, "claim": {"value": value}}


def attack_on_key(observed: Observations, figure: Figure, attack: EntropyAttack) -> ProcessedAttack:
    """What the mixture of an attack on single rounds leaves of a key with a post-processing, proven.

    Raises
    ------
    InvalidInput : the checker cannot evaluate this mixture: blocks of too many strategies, or of rank above one
    """
    begun = time.perf_counter()
    rounds = attack.certificate.data
    head = certificate_head(observed, figure, "upper", {"kind": "quantum"}, kind="attack on a processed key")
    head["question"] = rounds["question"] | {"figure": figure.entry()}
    mixture = {name: rounds["proof"][name] for name in ("strategies", "weights", "adjusted")}
    question = read_processed_question(head["question"])
    try:
        with flint.ctx.workprec(PRECISION):
            left, _ = rate_left(question, read_mixture(question.base, mixture, "the attack"))
            value = -lower_float(-left) + 0.0
    except CertificateError as error:
        raise InvalidInput(f"no attack on this key is proven: {error}") from None
    return ProcessedAttack(
        value=value,
        side="upper",
        merit=figure,
        model=None,
        solver_value=attack.solver_value,
        solver=attack.solver,
        status=attack.status,
        seconds=attack.seconds | {"blocks": time.perf_counter() - begun},
        _proof=_ProcessedProof(observed, head, mixture),
        attack=attack,
    )
