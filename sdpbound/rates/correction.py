"""What correcting errors costs, and the settings that a rate may take its outcomes from."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import flint
import numpy as np

from sdpbound.arguments import instance
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.channel import Preprocessing, passed
from sdpbound.bell.key import Merge, Settings, key_merge, key_settings
from sdpbound.bounds.rounding import lower_float
from sdpbound.entropies.question import require_channel
from sdpbound.errors import InvalidInput, InvalidParameter

__all__ = [
    "choices",
    "error_correction",
    "key_choices",
    "leakage",
    "leakage_of_key",
    "merge_of_keys",
    "pairs_of_key",
    "sender_of",
]


def error_correction(
    behaviour: Behaviour,
    x: int = 0,
    y: int = 0,
    preprocessing: Preprocessing = 0.0,
    settings: Sequence[int | None] | None = None,
    merge: Sequence[Any] | None = None,
) -> float:
    """Shannon entropy H(A|B,X=x,Y=y) in bits, rounded up: what Alice must send so that Bob learns her outcome.

    ``preprocessing``: probability with which Alice flips her bit before, or a :class:`BinaryChannel`. With
    ``settings``, one for each party, the largest H(A|B_i) of all other parties that have one: one message of the first
    of them serves all others (arXiv:1612.05585). With ``merge``, the key's value for each of her outcomes, Bob learns
    this value: H(f(A)|B). He uses all of his outcome, as a function of it would cost at least as much.

    ``behaviour`` is what the parties see, without flips; x and y are Alice's and Bob's settings.

    >>> import sdpbound as sb
    >>> even = sb.Behaviour.from_correlators([[0.9, 0.0]])
    >>> round(sb.error_correction(even, 0, 0), 6), round(sb.error_correction(even, 0, 1), 12)
    (0.286397, 1.0)
    """
    instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()")
    if settings is not None:
        x, y = x or None, y or None  # type: ignore[assignment]
    key = key_settings(behaviour.scenario, x, y, settings)
    values = merge_of_keys(behaviour, [sender_of(key)[0]], merge)
    return -lower_float(-leakage_of_key(behaviour, key, preprocessing, values)) + 0.0  # never -0


def leakage(behaviour: Behaviour, x: int, y: int, preprocessing: Preprocessing = 0.0) -> flint.arb:
    """H(A|B,X=x,Y=y) in bits, enclosed."""
    instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()")
    return leakage_of_key(behaviour, key_settings(behaviour.scenario, x, y), preprocessing)


def leakage_of_key(
    behaviour: Behaviour, key: Settings, preprocessing: Preprocessing = 0.0, merge: Merge | None = None
) -> flint.arb:
    """The largest H(A|B_i) in bits, enclosed: A is the first party of the key, B_i any other one of it.

    With ``merge`` it is H(f(A)|B_i), of the function of A that has these values.
    """
    instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()")
    require_channel(preprocessing)
    sender, *receivers = [party for party, s in enumerate(key) if s is not None]
    count = behaviour.scenario.outcomes[sender][key[sender] or 0] if merge is None else max(merge) + 1
    if preprocessing and count != 2:
        raise InvalidParameter(
            f"preprocessing = {preprocessing!r} flips a bit; setting {key[sender]} has a key of {count} values, use 0."
        )
    if not receivers:
        raise InvalidInput(f"settings = {key} are those of one party, and a key is shared; give a second party one.")
    tables = [_pairs(behaviour, key, sender, receiver) for receiver in receivers]
    costs = [_conditional([_by_value(column, merge) for column in table], preprocessing) for table in tables]
    largest = costs[0]
    for cost in costs[1:]:
        largest = largest.max(cost)
    return largest


def _pairs(behaviour: Behaviour, key: Settings, sender: int, receiver: int) -> list[list[flint.arb]]:
    """The probabilities [b][a] of a receiver's and the sender's outcomes, enclosed."""
    if behaviour.exact is not None:
        e = behaviour.exact.correlator(key[0] or 0, key[1] or 0)
        return [[(1 + (e if a == b else -e)) / 4 for a in (0, 1)] for b in (0, 1)]
    n = behaviour.scenario.parties
    if n == 2:
        table = behaviour.joint(key[0] or 0, key[1] or 0)[:, :, None]
    else:  # what the others do does not matter: nobody signals
        at: tuple[slice | int, ...] = (*(slice(None),) * n, *(s or 0 for s in key))
        table = behaviour.p[at]
        table = np.moveaxis(table, (sender, receiver), (0, 1))
        table = table.reshape(*table.shape[:2], -1)
    return [[_total(own) for own in column] for column in table.transpose(1, 0, 2)]


def pairs_of_key(behaviour: Behaviour, key: Settings, merge: Merge | None = None) -> tuple[tuple[float, ...], ...]:
    """The probabilities [a][b] of the key's values and the receiver's outcomes, in floats; of a key of two parties."""
    sender, receiver = [party for party, s in enumerate(key) if s is not None]
    columns = [_by_value(column, merge) for column in _pairs(behaviour, key, sender, receiver)]
    return tuple(tuple(max(float(p.mid()), 0.0) for p in row) for row in zip(*columns, strict=True))


def _by_value(column: list[flint.arb], merge: Merge | None) -> list[flint.arb]:
    """Probabilities of the key's values from those of the outcomes; a setting may have fewer outcomes than a table."""
    if merge is None:
        return column
    return [_total_of([p for p, own in zip(column, merge, strict=False) if own == k]) for k in range(max(merge) + 1)]


def _total_of(balls: list[flint.arb]) -> flint.arb:
    return sum(balls, flint.arb(0))


def _total(probabilities: Iterable[float]) -> flint.arb:
    return sum((flint.arb(float(p)) for p in probabilities), flint.arb(0))


def _conditional(table: list[list[flint.arb]], preprocessing: Preprocessing) -> flint.arb:
    """H(A|B) in bits of probabilities [b][a]."""
    total = flint.arb(0)
    for column in table:
        if preprocessing:
            column = passed(preprocessing, column, flint.arb(1))
        own = [p for p in column if p > 0]
        together = sum(own, flint.arb(0))
        total += sum((p * (together / p).log() for p in own), flint.arb(0))
    return total / flint.arb(2).log()


def choices(behaviour: Behaviour, party: int, setting: int | None, name: str) -> list[int]:
    """The setting asked for, or all of them."""
    if setting is None:
        return list(range(behaviour.scenario.settings[party]))
    return [behaviour.scenario.require_setting(party, setting, name)]


def key_choices(
    behaviour: Behaviour, x: int | None, y: int | None, settings: Sequence[int | None] | None, alone: bool = False
) -> list[Settings]:
    """The keys to choose from: the one of ``settings``, or all that have these x and y; ``alone``: of Alice only."""
    n = instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()").scenario.parties
    if settings is not None:
        if x is not None or y is not None:
            raise InvalidInput(f"settings = {settings!r:.60} say of all parties what x and y do; leave x and y out.")
        return [key_settings(behaviour.scenario, settings=settings)]
    parties: list[Sequence[int | None]] = [choices(behaviour, 0, x, "x")]
    if alone:
        return [(s, *(None for _ in range(n - 1))) for s in parties[0]]
    parties += [choices(behaviour, party, y if party == 1 else None, "y") for party in range(1, n)]
    return list(itertools.product(*parties))


def sender_of(key: Settings) -> tuple[Settings, tuple[int, int]]:
    """The key of the first of its parties alone, and that party with its setting."""
    party, setting = next((p, s) for p, s in enumerate(key) if s is not None)
    return tuple(s if p == party else None for p, s in enumerate(key)), (party, setting)


def merge_of_keys(behaviour: Behaviour, keys: Sequence[Settings], merge: Sequence[Any] | None) -> Merge | None:
    """What is merged, checked for all keys that are tried."""
    values = [key_merge(behaviour.scenario, key, merge) for key in keys]
    return values[0]
