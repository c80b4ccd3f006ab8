"""What becomes of a detection event without a click: outcome 0, or a further, last outcome, for each setting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdpbound.errors import InvalidParameter, InvalidShape

__all__ = ["PARTIES", "Binning", "binned_settings", "binning_label", "binning_name", "binning_of"]

#: Of all parties and settings; or for each party, of all of its settings or of each.
Binning = bool | tuple[bool | tuple[bool, ...], ...]
#: How messages call the parties.
PARTIES = ("Alice", "Bob")
_MEANING = (
    "must be True (no click is outcome 0), False (no click is a further outcome), or one of these for each of two "
    "parties; a party's may be a list with one for each setting, such as (True, (True, True, False))"
)


def _flag(value: object) -> bool | None:
    return bool(value) if isinstance(value, (bool, np.bool_)) else None


def binning_of(value: object) -> Binning:
    """The choices as they are kept: two equal ones of whole parties are one; :class:`InvalidParameter` for others.

    >>> binning_of([True, [True, True, False]]), binning_of((False, False))
    ((True, (True, True, False)), False)
    """
    whole = _flag(value)
    if whole is not None:
        return whole
    wrong = InvalidParameter(f"binning = {value!r:.60} {_MEANING}.")
    if not isinstance(value, (Sequence, np.ndarray)) or isinstance(value, str) or len(value) != len(PARTIES):
        raise wrong
    parties: list[bool | tuple[bool, ...]] = []
    for entry in value:
        own = _flag(entry)
        if own is None:
            if not isinstance(entry, (Sequence, np.ndarray)) or isinstance(entry, str) or len(entry) == 0:
                raise wrong
            flags = [_flag(item) for item in entry]
            if any(flag is None for flag in flags):
                raise wrong
            parties.append(tuple(bool(flag) for flag in flags))
        else:
            parties.append(own)
    if isinstance(parties[0], bool) and parties[0] == parties[1]:
        return parties[0]
    return tuple(parties)


def binned_settings(binning: Binning, party: int, settings: int) -> tuple[bool, ...]:
    """Whether no click is outcome 0, for each setting of a party; :class:`InvalidShape` if choices do not fit."""
    own = binning if isinstance(binning, bool) else binning[party]
    if isinstance(own, bool):
        return (own,) * settings
    if len(own) != settings:
        raise InvalidShape(
            f"{len(own)} choices of binning for {PARTIES[party]} do not fit {settings} settings; give one for each "
            "setting, or True or False for all."
        )
    return own


def binning_name(binning: Binning) -> str:
    """As it stands in the stable name of a noise, such as ``binned`` or ``[binned,[binned,no_click]]``."""
    if isinstance(binning, bool):
        return "binned" if binning else "no_click"
    texts = [binning_name(own) if isinstance(own, bool) else f"[{','.join(map(binning_name, own))}]" for own in binning]
    return f"[{','.join(texts)}]"


def binning_label(binning: Binning) -> str:
    """As it stands in the label of a chart: empty where all is binned, else who keeps the no click."""
    if isinstance(binning, bool):
        return "" if binning else " (no click kept)"
    kept: list[str] = []
    for letter, own in zip("AB", binning, strict=True):
        if isinstance(own, bool):
            kept += [] if own else [letter]
        else:
            kept += [f"{letter}{x}" for x, binned in enumerate(own) if not binned]
    return f" (no click kept of {', '.join(kept)})" if kept else ""
