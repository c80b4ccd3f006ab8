"""Upper bounds on rates from explicit attacks: what no analysis, or no protocol, can exceed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

from sdpbound.arguments import with_changes
from sdpbound.attacks.all_channels import ChannelAttack
from sdpbound.attacks.all_flips import KeyAttack
from sdpbound.attacks.average_attack import AverageAttack, average_entropy_upper_bound
from sdpbound.attacks.convex_combination import convex_combination_attack
from sdpbound.attacks.entropy_attack import conditional_entropy_upper_bound
from sdpbound.attacks.options import AttackChanges, AttackOptions
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.bell.average import Average
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.channel import Preprocessing, require_best
from sdpbound.bell.key import Merge, Settings, apart, named_key
from sdpbound.bell.observations import Observations
from sdpbound.bell.tested import SettingsTested
from sdpbound.bounds.rounding import lower_float
from sdpbound.entropies.question import require_channel
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.rates.any_flips import (
    attack_within,
    attacks_on_any_channel,
    attacks_on_any_flips,
    with_key_tested,
)
from sdpbound.rates.correction import key_choices, leakage_of_key, merge_of_keys, sender_of
from sdpbound.rates.options import RandomnessOptions, RateOptions, TestedKeyChanges
from sdpbound.rates.postprocessing.postprocessing import PostProcessing, require_none
from sdpbound.rates.rate import Rate
from sdpbound.rates.rates import CONFERENCE, processed_rate
from sdpbound.rates.tested import observations_of

__all__ = [
    "key_rate_under",
    "key_rate_under_any",
    "key_rate_upper_bound",
    "randomness_rate_upper_bound",
]

FROM_DATA = (
    "upper bound on the least H(A|X=x,E) - H(A|B,X=x,Y=y) over devices with the tested data: no analysis of these data "
    "certifies a higher Devetak-Winter rate (arXiv:quant-ph/0306078) of this one-way protocol"
)
FROM_BEHAVIOUR = (
    "upper bound on the key rate of every protocol that takes its key from the settings x and y, announces settings, "
    "and communicates in public in either direction, with devices of this behaviour: I(A:B|E') of a "
    "convex-combination attack (arXiv:2007.09247)"
)
RANDOMNESS = (
    "upper bound on the least entropy over devices with the tested data: no analysis of these data certifies more "
    "randomness a round"
)
AVERAGE = (
    "upper bound on the least average entropy over devices with the tested data, settings known to Eve once she has "
    "prepared them: no analysis of these data certifies more randomness a round"
)
ANY_FLIPS = (
    "upper bound on the least H(A|X=x,E) - H(A|B,X=x,Y=y) over devices with the tested data, whatever the probability "
    "is with which Alice flips her key bit first: no analysis of these data certifies a higher Devetak-Winter rate "
    "(arXiv:quant-ph/0306078) of this one-way protocol"
)
ANY_CHANNEL = (
    "upper bound on the least H(A'|X=x,E) - H(A'|B,X=x,Y=y) over devices with the tested data, whatever channel makes "
    "A' of Alice's key bit first: no analysis of these data certifies a higher Devetak-Winter rate "
    "(arXiv:quant-ph/0306078) of this one-way protocol"
)
COLLECTIVE = "Eve attacks every round alike, and prepares the devices"
UNTESTED = "what is not tested may differ from the behaviour; error correction is charged for the behaviour itself"


_Attack = EntropyAttack | AverageAttack
#: What rounding of the outcomes of exact data can change of error correction, in bits.
ROUNDED = 1e-12


class KeyAttackChanges(AttackChanges, TestedKeyChanges, total=False):
    """The options of an attack on a key, its settings and those tested, each as a keyword of a call."""

    postprocessing: PostProcessing | None


class RandomnessAttackChanges(AttackChanges, total=False):
    """The options of an attack on randomness, the settings tested and what is merged, each as a keyword of a call."""

    tested: SettingsTested
    merge: Sequence[Any] | None
    average: Average | None


def key_rate_upper_bound(
    behaviour: Behaviour,
    observed: Observations | str = "correlators",
    x: int | None = None,
    y: int | None = None,
    preprocessing: Preprocessing | str = 0.0,
    attack: str = "entropy",
    options: AttackOptions | None = None,
    **changes: Unpack[KeyAttackChanges],
) -> Rate:
    """Upper bound on the key rate from an explicit attack. ``attack`` chooses one of two statements.

    - "entropy": ``H(A|X=x,E) - H(A|B,X=x,Y=y)`` with the entropy of :func:`conditional_entropy_upper_bound`, a quantum
      Eve limited by the tested data only. No analysis of these data certifies a higher Devetak-Winter rate with this
      preprocessing; other preprocessing, further tests or two-way communication might. :func:`key_rate` is below it.
      With ``preprocessing="best"`` no flips of Alice's bit give more: the bound holds for every probability of them,
      and ``rate.preprocessing`` is where the attacks found leave most. With "best channel" no channel gives more, see
      :class:`BinaryChannel`.
    - "convex-combination": ``I(A:B|X=x,Y=y,E')`` of :func:`convex_combination_attack`, a classical Eve who meets the
      whole behaviour. No protocol with these key settings has a higher rate, with any processing and two-way
      communication: ``observed`` and ``preprocessing`` are of no effect on it.

    Parameters
    ----------
    behaviour : what the devices do
    observed, preprocessing : as in :func:`key_rate`
    x, y : key settings; None: the largest bound of all pairs, so that it holds for the best pair
    attack : "entropy" or "convex-combination"
    options, changes : as in :func:`conditional_entropy_upper_bound`; of the second attack only dimension and
        strategies. And ``settings``, ``merge`` and ``tested``, as in :func:`key_rate`; of more than two parties, and
        where outcomes are merged, "entropy" is the only attack. ``postprocessing`` as in :func:`key_rate`; its attack
        is one mixture for all of its keys, by pairs of qubits

    Returns
    -------
    Rate, side "upper", in bits a round; ``rate.attack`` is the attack, and ``rate.security`` names the statement.
    ``error_correction`` is H(A|B,X=x,Y=y) rounded down, 0 for the convex combination

    >>> import sdpbound as sb
    >>> behaviour = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.98)
    >>> above = sb.key_rate_upper_bound(behaviour, x=0, y=0)
    >>> below = sb.key_rate(behaviour, x=0, y=0, entropy=sb.VonNeumann())
    >>> 0 <= above.value - below.value < 1e-3
    True
    """
    channels = isinstance(preprocessing, str) and require_best(preprocessing)
    if not isinstance(preprocessing, str):
        preprocessing = require_channel(preprocessing)
    settings, merge, others = apart(changes)
    tested: Any = others.pop("tested", None)
    by: Any = others.pop("postprocessing", None)
    how = with_changes(options, AttackOptions(), others, "key_rate_upper_bound")
    data = observations_of(behaviour, observed, tested)
    if by is not None:
        require_none(RateOptions(postprocessing=by).postprocessing, (x, y, settings, merge, preprocessing or None))
        return processed_rate(by.above(behaviour, data), "upper")
    keys = key_choices(behaviour, x, y, settings)
    values = merge_of_keys(behaviour, [sender_of(key)[0] for key in keys], merge)
    sender, n = sender_of(keys[0])[1][0], behaviour.scenario.parties
    if attack == "convex-combination":
        if values is not None:
            raise InvalidInput(
                f"merge = {merge!r:.60} of a convex-combination attack: leave it out, or attack='entropy'."
            )
        rougher = replace(how, seed=0, tolerance=1e-4)
        found = {key: convex_combination_attack(behaviour, key[0] or 0, key[1] or 0, rougher) for key in keys}
        best = max(keys, key=lambda key: found[key].value)
        claim = _Claim("key", best, FROM_BEHAVIOUR, ("settings are announced",))
        return _rate(claim, found[best], found.values())
    if attack != "entropy":
        raise InvalidParameter(f"attack = {attack!r:.60} must be 'entropy' or 'convex-combination'.")

    def attacked(s: int, flips: Preprocessing) -> EntropyAttack:
        own, _y, others = named_key([s if p == sender else None for p in range(n)])
        if others is None:
            return conditional_entropy_upper_bound(data, own or 0, None, flips, how, merge=values)
        return conditional_entropy_upper_bound(data, preprocessing=flips, options=how, settings=others, merge=values)

    if isinstance(preprocessing, str):
        if channels:
            data = with_key_tested(behaviour, data, keys)

        def closer(s: int, flips: Preprocessing, bits: float) -> EntropyAttack:
            alone = values is None and not sender and n == 2
            return attack_within(data, s, flips, bits, how) if alone else attacked(s, flips)

        return key_rate_under_any(behaviour, data, keys, closer, values, channels=channels)
    channel = preprocessing
    return key_rate_under(behaviour, data, keys, channel, lambda s, _: attacked(s, channel), values)


def key_rate_under(
    behaviour: Behaviour,
    data: Observations,
    keys: Sequence[Settings],
    preprocessing: Preprocessing,
    attack_of: Callable[[int, float], EntropyAttack],
    merge: Merge | None = None,
) -> Rate:
    """The largest key rate of some keys, all of the same parties, under attacks on the outcome of the first of these.

    ``attack_of`` takes a setting of that party and the least error correction with it, in bits: an attack that leaves
    no more entropy leaves no key.
    """
    leaks = {key: lower_float(leakage_of_key(behaviour, key, preprocessing, merge)) for key in keys}
    own = {key: sender_of(key)[1][1] for key in keys}
    attacks = {s: attack_of(s, min(leaks[key] for key in keys if own[key] == s)) for s in dict.fromkeys(own.values())}
    best = max(keys, key=lambda key: attacks[own[key]].value - leaks[key])
    untested = () if data.kind == "full" else (UNTESTED,)
    statement = FROM_DATA if len(best) == 2 else f"{FROM_DATA}; {CONFERENCE}"
    claim = _Claim("key", best, statement, untested, leaks[best], preprocessing, merge)
    return _rate(claim, attacks[own[best]], attacks.values())


def key_rate_under_any(
    behaviour: Behaviour,
    data: Observations,
    keys: Sequence[Settings],
    attack_of: Callable[[int, Preprocessing, float], EntropyAttack],
    merge: Merge | None = None,
    *,
    channels: bool,
) -> Rate:
    """The largest key rate of some keys of two parties with the best flips, or the best channel, under attacks.

    ``attack_of`` takes the setting of the party that has the key, flips or a channel, and the bits within which it is
    to be the best one.
    """
    find = attacks_on_any_channel if channels else attacks_on_any_flips
    found: Mapping[Settings, ChannelAttack | KeyAttack] = find(behaviour, data, keys, attack_of, merge)
    best = max(keys, key=lambda key: found[key].value)
    attack = found[best]
    if isinstance(attack, ChannelAttack):
        ahead, entropy = attack.channel, attack.closest
    else:
        ahead, entropy = attack.flips[attack.worst], attack.attacks[attack.worst]
    untested = () if data.kind == "full" else (UNTESTED,)
    return Rate(
        value=attack.value + (ROUNDED if behaviour.exact is not None else 0.0),
        side="upper",
        kind="key",
        entropy=entropy,
        error_correction=lower_float(leakage_of_key(behaviour, best, ahead, merge)),
        settings=best,
        security=ANY_CHANNEL if channels else ANY_FLIPS,
        assumptions=(COLLECTIVE, "asymptotic: infinitely many rounds", *untested),
        attack=attack,
        preprocessing=ahead,
        exact=all(own.exact for own in found.values()),
        merge=merge,
    )


def randomness_rate_upper_bound(
    behaviour: Behaviour,
    observed: Observations | str = "correlators",
    local: bool = False,
    x: int | None = None,
    y: int | None = None,
    options: AttackOptions | None = None,
    settings: Sequence[int | None] | None = None,
    **changes: Unpack[RandomnessAttackChanges],
) -> Rate:
    """Upper bound on the randomness rate H(AB|X=x,Y=y,E), or ``local`` H(A|X=x,E), that the tested data can certify.

    Parameters as in :func:`randomness_rate` and :func:`conditional_entropy_upper_bound`; with x or y None the largest
    bound of all settings, so that it holds for the best ones; ``settings``, ``merge`` and ``tested`` as in
    :func:`randomness_rate`. With ``average``, of outcomes of several settings drawn at random, it is one mixture of
    pairs of qubits that attacks all of them; of the options the tolerance counts then.

    Returns
    -------
    Rate, side "upper", in bits a round; ``rate.attack`` is the attack

    >>> import sdpbound as sb
    >>> behaviour = sb.SingletSelfTest(1.0, 1.0, 3.14159).behaviour(0.99)
    >>> rate = sb.randomness_rate_upper_bound(behaviour, x=0, y=1)
    >>> rate.side, 1.5 < rate.value < 2.0
    ('upper', True)
    """
    if local and y is not None:
        raise InvalidInput("local randomness is of Alice's outcome alone: leave y out.")
    _, merge, others = apart(changes)
    tested: Any = others.pop("tested", None)
    average: Any = others.pop("average", None)
    how = with_changes(options, AttackOptions(), others, "randomness_rate_upper_bound")
    data = observations_of(behaviour, observed, tested)
    if average is not None:
        require_none(RandomnessOptions(average=average).average, (x, y, settings, merge, local or None))
        attack = average_entropy_upper_bound(data, average, how.tolerance)
        return _rate(_Claim("randomness", average.of(data.scenario).keys[0], AVERAGE), attack, [attack])
    if settings is not None and local:
        raise InvalidInput(f"settings = {settings!r:.60} say whose outcomes are used; leave local out.")
    keys = key_choices(behaviour, x, y, settings, local)
    values = merge_of_keys(behaviour, keys, merge)
    attacks = {key: conditional_entropy_upper_bound(data, options=how, settings=key, merge=values) for key in keys}
    best = max(keys, key=lambda key: attacks[key].value)
    return _rate(_Claim("randomness", best, RANDOMNESS, merge=values), attacks[best], attacks.values())


@dataclass(frozen=True, slots=True)
class _Claim:
    """What is said of a rate, whatever the attack."""

    kind: str
    settings: Settings
    statement: str
    assumptions: tuple[str, ...] = ()
    leak: float = 0.0
    preprocessing: Preprocessing = 0.0
    merge: Merge | None = None


def _rate(claim: _Claim, attack: _Attack, all_attacks: Iterable[_Attack]) -> Rate:
    leak = claim.leak
    value = attack.value if not leak else math.nextafter(attack.value - leak, math.inf)  # the subtraction rounds once
    inexact = [a for a in all_attacks if not a.exact]
    doubt = tuple(f"{a.data}: approximate, proven for tolerances that much wider only" for a in inexact[:1])
    return Rate(
        value=value,
        side="upper",
        kind=claim.kind,
        entropy=attack,
        error_correction=leak,
        settings=claim.settings,
        security=claim.statement,
        assumptions=(COLLECTIVE, "asymptotic: infinitely many rounds", *claim.assumptions, *doubt),
        attack=attack,
        preprocessing=claim.preprocessing,
        exact=not inexact,
        merge=claim.merge,
    )
