"""Upper bounds on rates from explicit attacks: what no analysis, or no protocol, can exceed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Unpack

from sdpbound.arguments import with_changes
from sdpbound.attacks.convex_combination import convex_combination_attack
from sdpbound.attacks.entropy_attack import conditional_entropy_upper_bound
from sdpbound.attacks.options import AttackChanges, AttackOptions
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.bounds.rounding import lower_float
from sdpbound.entropies.question import require_preprocessing
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.rates.rates import Rate, choices, leakage, observations_of

__all__ = ["key_rate_under", "key_rate_upper_bound", "randomness_rate_upper_bound"]

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
COLLECTIVE = "Eve attacks every round alike, and prepares the devices"
UNTESTED = "what is not tested may differ from the behaviour; error correction is charged for the behaviour itself"


def key_rate_upper_bound(
    behaviour: Behaviour,
    observed: Observations | str = "correlators",
    x: int | None = None,
    y: int | None = None,
    preprocessing: float = 0.0,
    attack: str = "entropy",
    options: AttackOptions | None = None,
    **changes: Unpack[AttackChanges],
) -> Rate:
    """Upper bound on the key rate from an explicit attack. ``attack`` chooses one of two statements.

    - "entropy": ``H(A|X=x,E) - H(A|B,X=x,Y=y)`` with the entropy of :func:`conditional_entropy_upper_bound`, a quantum
      Eve limited by the tested data only. No analysis of these data certifies a higher Devetak-Winter rate with this
      preprocessing; other preprocessing, further tests or two-way communication might. :func:`key_rate` is below it.
    - "convex-combination": ``I(A:B|X=x,Y=y,E')`` of :func:`convex_combination_attack`, a classical Eve who meets the
      whole behaviour. No protocol with these key settings has a higher rate, with any processing and two-way
      communication: ``observed`` and ``preprocessing`` are of no effect on it.

    Parameters
    ----------
    behaviour : what the devices do
    observed, preprocessing : as in :func:`key_rate`
    x, y : key settings; None: the largest bound of all pairs, so that it holds for the best pair
    attack : "entropy" or "convex-combination"
    options, changes : as in :func:`conditional_entropy_upper_bound`; of the second attack only dimension and strategies

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
    require_preprocessing(preprocessing)
    how = with_changes(options, AttackOptions(), changes, "key_rate_upper_bound")
    data = observations_of(behaviour, observed)
    xs, ys = choices(behaviour, 0, x, "x"), choices(behaviour, 1, y, "y")
    pairs = list(itertools.product(xs, ys))
    if attack == "convex-combination":
        rougher = replace(how, seed=0, tolerance=1e-4)
        found = {pair: convex_combination_attack(behaviour, *pair, rougher) for pair in pairs}
        best = max(pairs, key=lambda pair: found[pair].value)
        claim = _Claim("key", best, FROM_BEHAVIOUR, ("settings are announced",))
        return _rate(claim, found[best], found.values())
    if attack != "entropy":
        raise InvalidParameter(f"attack = {attack!r:.60} must be 'entropy' or 'convex-combination'.")
    return key_rate_under(
        behaviour,
        data,
        pairs,
        preprocessing,
        lambda s, _: conditional_entropy_upper_bound(data, s, None, preprocessing, how),
    )


def key_rate_under(
    behaviour: Behaviour,
    data: Observations,
    pairs: Sequence[tuple[int, int]],
    preprocessing: float,
    attack_of: Callable[[int, float], EntropyAttack],
) -> Rate:
    """The largest key rate of some pairs of settings under attacks on Alice's outcome.

    ``attack_of`` takes a setting of Alice and the least error correction with it, in bits: an attack that leaves no
    more entropy leaves no key.
    """
    leaks = {pair: lower_float(leakage(behaviour, *pair, preprocessing)) for pair in pairs}
    xs = dict.fromkeys(s for s, _ in pairs)
    attacks = {s: attack_of(s, min(leak for pair, leak in leaks.items() if pair[0] == s)) for s in xs}
    best = max(pairs, key=lambda pair: attacks[pair[0]].value - leaks[pair])
    untested = () if data.kind == "full" else (UNTESTED,)
    own = attacks[best[0]]
    return _rate(_Claim("key", best, FROM_DATA, untested, leaks[best], float(preprocessing)), own, attacks.values())


def randomness_rate_upper_bound(
    behaviour: Behaviour,
    observed: Observations | str = "correlators",
    local: bool = False,
    x: int | None = None,
    y: int | None = None,
    options: AttackOptions | None = None,
    **changes: Unpack[AttackChanges],
) -> Rate:
    """Upper bound on the randomness rate H(AB|X=x,Y=y,E), or ``local`` H(A|X=x,E), that the tested data can certify.

    Parameters as in :func:`randomness_rate` and :func:`conditional_entropy_upper_bound`; with x or y None the largest
    bound of all settings, so that it holds for the best ones.

    Returns
    -------
    Rate, side "upper", in bits a round

    >>> import sdpbound as sb
    >>> behaviour = sb.SingletSelfTest(1.0, 1.0, 3.14159).behaviour(0.99)
    >>> rate = sb.randomness_rate_upper_bound(behaviour, x=0, y=1)
    >>> rate.side, 1.5 < rate.value < 2.0
    ('upper', True)
    """
    if local and y is not None:
        raise InvalidInput("local randomness is of Alice's outcome alone: leave y out.")
    how = with_changes(options, AttackOptions(), changes, "randomness_rate_upper_bound")
    data = observations_of(behaviour, observed)
    xs = choices(behaviour, 0, x, "x")
    ys: Sequence[int | None] = [None] if local else choices(behaviour, 1, y, "y")
    pairs = list(itertools.product(xs, ys))
    attacks = {(s, r): conditional_entropy_upper_bound(data, s, r, 0.0, how) for s, r in pairs}
    best = max(pairs, key=lambda pair: attacks[pair].value)
    return _rate(_Claim("randomness", best, RANDOMNESS), attacks[best], attacks.values())


@dataclass(frozen=True, slots=True)
class _Claim:
    """What is said of a rate, whatever the attack."""

    kind: str
    settings: tuple[int, int | None]
    statement: str
    assumptions: tuple[str, ...] = ()
    leak: float = 0.0
    preprocessing: float = 0.0


def _rate(claim: _Claim, attack: EntropyAttack, all_attacks: Iterable[EntropyAttack]) -> Rate:
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
    )
