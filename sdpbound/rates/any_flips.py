"""Upper bounds on key rates with the best noisy preprocessing: attacks that leave little whatever the flips are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sdpbound.attacks.all_flips import KeyAttack, KeyOfFlips, attack_all_flips
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.key import Merge, Settings
from sdpbound.bell.observations import Observations
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.rates.correction import pairs_of_key, sender_of

__all__ = ["attacks_on_any_flips"]


def attacks_on_any_flips(
    behaviour: Behaviour,
    data: Observations,
    keys: Sequence[Settings],
    attack_of: Callable[[int, float, float], EntropyAttack],
    merge: Merge | None = None,
) -> dict[Settings, KeyAttack]:
    """For each of some keys of two parties the attacks that leave little of it with any flips.

    ``attack_of`` takes the setting of the party that has the key, flips, and the bits within which it is to be the best
    one.
    """
    found: dict[Settings, KeyAttack] = {}
    for key in keys:
        own, (sender, s) = sender_of(key)
        if len(key) != 2 or None in key:
            raise InvalidInput(f"settings = {key}: attacks on all flips are on keys of two parties; name a preprocessing.")
        count = behaviour.scenario.outcomes[sender][s] if merge is None else max(merge) + 1
        if count != 2:
            raise InvalidParameter(
                f"preprocessing = 'best' flips a bit; setting {s} has a key of {count} values, use 0 or merge outcomes."
            )
        table = pairs_of_key(behaviour, key, merge)
        figure = KeyOfFlips(own, table, merge)
        known = [pair for k, a in found.items() if k[0] == key[0] for pair in zip(a.flips, a.attacks, strict=True)]
        found[key] = attack_all_flips(data, figure, lambda q, bits, s=s: attack_of(s, q, bits), known)  # type: ignore[misc]
    return found
