"""The table of noises, and how a noise is read from plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from sdpbound.bell.noise.dark import DarkCounts
from sdpbound.bell.noise.fibre import FibreLoss, Heralded
from sdpbound.bell.noise.measurements import DetectionInefficiency, Misalignment
from sdpbound.bell.noise.noise import Noise, NoiseSequence
from sdpbound.bell.noise.state import Dephasing, WhiteNoise
from sdpbound.errors import InvalidInput
from sdpbound.registry import Registry, concrete

__all__ = ["KINDS", "noise_from"]


#: One line for each noise. Other packages add theirs by an entry point of this group.
KINDS: Registry[type[Noise]] = Registry(
    "a noise",
    "sdpbound.noises",
    {
        cls.kind: cls
        for cls in (
            WhiteNoise,
            Dephasing,
            Misalignment,
            FibreLoss,
            Heralded,
            DetectionInefficiency,
            DarkCounts,
            NoiseSequence,
        )
    },
    fits=concrete(Noise),
    wanted="a subclass of sdpbound.Noise with all its methods",
)


def noise_from(data: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Noise:
    """A noise from plain data: a table with its ``kind`` and parameters, or a list of them in order of happening.

    Raises
    ------
    InvalidInput, InvalidParameter

    >>> noise_from({"kind": "white_noise", "visibility": 0.99})
    WhiteNoise(visibility=0.99)
    >>> noise_from([{"kind": "white_noise", "visibility": 0.99}, {"kind": "detection_inefficiency", "eta_a": 0.9}]).name
    'white_noise(0.99)+detection(0.9,0.9,binned)'
    """
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return NoiseSequence(tuple(noise_from(item) for item in data))
    if not isinstance(data, Mapping):
        raise InvalidInput(f"a noise must be a table with a kind, or a list of them, not {data!r:.60}.")
    kind = data.get("kind")
    cls = KINDS.find(kind)
    if cls is None:
        raise InvalidInput(f"kind = {kind!r:.60} of a noise must be one of {', '.join(sorted(KINDS.names()))}.")
    given = {str(k): v for k, v in data.items() if k != "kind"}
    if cls is NoiseSequence:
        given = {k: tuple(noise_from(item) for item in v) if k == "members" else v for k, v in given.items()}
    names = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise InvalidInput(f"{kind} has no parameter {unknown[0]!r}; it has {', '.join(names)}.")
    try:
        return cls(**given)
    except TypeError:
        raise InvalidInput(
            f"{kind} needs its parameters: {', '.join(names)}; found {', '.join(given) or 'none'}."
        ) from None
