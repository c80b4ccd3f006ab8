"""Certificates: proofs as plain data."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdpbound.bell.observations import Observations
from sdpbound.bounds.figures import Figure
from sdpbound.errors import InvalidInput
from sdpbound.shown import Shown
from sdpbound.version import __version__

if TYPE_CHECKING:
    from sdpbound.checker import Verification

__all__ = ["Certificate", "certificate_head", "exact_number"]


@dataclass(frozen=True, eq=False)
class Certificate(Shown):
    """A proof of a bound as plain data; any JSON reader can check it, see :mod:`sdpbound.checker`.

    >>> import sdpbound as sb
    >>> proof = sb.maximize(sb.chsh(), sb.Quantum("1")).certificate
    >>> proof.verify().holds, proof.data["question"]["side"]
    (True, 'upper')
    """

    data: dict[str, Any]

    def verify(self) -> Verification:
        """Recompute the bound without any solver; raises CertificateError if it does not hold."""
        from sdpbound.checker import verify

        return verify(self.data)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The certificate as JSON text, also written to ``path`` if given.

        Raises
        ------
        InvalidInput
            There cannot be a file of this name.
        """
        text = json.dumps(self.data, allow_nan=False)
        if path is not None:
            target = Path(path)
            partial = target.with_name(target.name + ".partial")
            try:
                partial.write_text(text + "\n", encoding="utf-8")
                partial.replace(target)
            except OSError as error:
                raise InvalidInput(f"'{target}' cannot be written: {error.strerror}; choose another place.") from None
        return text

    def __repr__(self) -> str:
        figure = self.data["question"]["figure"]["kind"]
        return f"Certificate({figure}, {self.data['question']['side']} bound {self.data['claim']['value']!r})"


def certificate_head(
    observed: Observations,
    figure: Figure,
    side: str,
    model: dict[str, Any] | None,
    form: str = "sdpbound certificate",
    kind: str = "bound",
) -> dict[str, Any]:
    """What every certificate begins with: its format, its kind (a name of sdpbound.checker.kinds) and its question."""
    return {
        "format": form,
        "version": 1,
        "created_by": f"sdpbound {__version__}",
        "kind": kind,
        "question": {
            "scenario": {"outcomes": [list(p) for p in observed.scenario.outcomes]},
            "figure": figure.entry(),
            "side": side,
            "observed": [
                {"coefficients": c.tolist(), "value": float(v), "tolerance": float(t)}
                for c, v, t in zip(observed.coefficients, observed.values, observed.tolerances, strict=True)
            ],
            **({} if model is None else {"model": model}),
        },
    }


def exact_number(value: float | Fraction) -> float | str:
    if isinstance(value, Fraction):
        return str(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"
    return float(value)
