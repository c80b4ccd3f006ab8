"""Upper bounds on key rates with the best noisy preprocessing: attacks that leave little whatever it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from sdpbound.attacks.all_channels import ChannelAttack, KeyOfChannels, attack_all_channels
from sdpbound.attacks.all_flips import KeyAttack, KeyOfFlips, attack_all_flips
from sdpbound.attacks.entropy_attack import conditional_entropy_upper_bound
from sdpbound.attacks.options import AttackOptions
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.attacks.qubit_attack import qubit_attack
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.channel import Preprocessing
from sdpbound.bell.key import Merge, Settings
from sdpbound.bell.observations import DATA_TOLERANCE, Observations
from sdpbound.entropies.question import KeyQuestion
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.rates.correction import pairs_of_key, sender_of

__all__ = ["attack_within", "attacks_on_any_channel", "attacks_on_any_flips", "with_key_tested"]


def attack_within(
    data: Observations, x: int, flips: Preprocessing, bits: float, options: AttackOptions
) -> EntropyAttack:
    """The attack on Alice's outcome of x behind flips or a channel: the best one within so many bits, by qubits.

    Where these are not enough it is the best one within the tolerance of the options: a search to less takes too long.
    """
    if options.dimension in (None, 2):
        question = KeyQuestion(data, x, None, preprocessing=flips).of_entropy()
        found = qubit_attack(question, min(bits, options.tolerance))
        if found is not None:
            return found
    return conditional_entropy_upper_bound(data, x, None, flips, options)


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
        own, s = _bit_of(behaviour, key, merge)
        table = pairs_of_key(behaviour, key, merge)
        figure = KeyOfFlips(own, table, merge)
        known = [pair for k, a in found.items() if k[0] == key[0] for pair in zip(a.flips, a.attacks, strict=True)]
        found[key] = attack_all_flips(data, figure, lambda q, bits, s=s: attack_of(s, q, bits), known)  # type: ignore[misc]
    return found


def attacks_on_any_channel(
    behaviour: Behaviour,
    data: Observations,
    keys: Sequence[Settings],
    attack_of: Callable[[int, Preprocessing, float], EntropyAttack],
    merge: Merge | None = None,
) -> dict[Settings, ChannelAttack]:
    """For each of some keys of two parties the attack that leaves little of it whatever channel its bit passes.

    The data should contain the probability of the key's values (:func:`with_key_tested`): an attack with another one is
    charged for the difference. ``attack_of`` as in :func:`attacks_on_any_flips`, with a channel for flips.
    """
    found: dict[Settings, ChannelAttack] = {}
    for key in keys:
        own, s = _bit_of(behaviour, key, merge)
        figure = KeyOfChannels(own, pairs_of_key(behaviour, key, merge), merge)
        known = [pair for k, a in found.items() if k[0] == key[0] for pair in zip(a.channels, a.attacks, strict=True)]
        found[key] = attack_all_channels(data, figure, lambda c, bits, s=s: attack_of(s, c, bits), known)  # type: ignore[misc]
    return found


def with_key_tested(behaviour: Behaviour, data: Observations, keys: Sequence[Settings]) -> Observations:
    """The data with the probabilities of the keys' bits, where they are not tested.

    Eve may keep them: the least entropy with more tests is no smaller, so that attacks on these data are attacks on the
    others. Keys whose outcomes are not two are left as they are.
    """
    shape = data.scenario.shape
    for own, (party, s) in dict.fromkeys(sender_of(key) for key in keys):
        places = [k for k, letter in enumerate(data.scenario.letters[party], 1) if letter.setting == s]
        if len(own) != len(shape) or len(places) != 1:
            continue
        place = tuple(places[0] if p == party else 0 for p in range(len(shape)))
        table = np.zeros(shape)
        table[place] = 1.0
        constant = np.eye(1, table.size)
        rows = np.vstack([constant, data.coefficients.reshape(len(data), table.size)])
        rest = table.reshape(-1) - rows.T @ np.linalg.lstsq(rows.T, table.reshape(-1), rcond=None)[0]
        if np.abs(rest).max() > 1e-9:
            data = replace(
                data,
                coefficients=np.concatenate([data.coefficients, table[None]]),
                values=np.append(data.values, behaviour.moments[place]),
                tolerances=np.append(data.tolerances, DATA_TOLERANCE),
                kind="custom",
            )
    return data


def _bit_of(behaviour: Behaviour, key: Settings, merge: Merge | None) -> tuple[Settings, int]:
    """The key of its first party alone and that party's setting; raises where it is no bit of one of two parties."""
    own, (sender, s) = sender_of(key)
    if len(key) != 2 or None in key:
        raise InvalidInput(f"settings = {key}: attacks on all flips are on keys of two parties; name a preprocessing.")
    count = behaviour.scenario.outcomes[sender][s] if merge is None else max(merge) + 1
    if count != 2:
        raise InvalidParameter(
            f"preprocessing = 'best' flips a bit; setting {s} has a key of {count} values, use 0 or merge outcomes."
        )
    return own, s
