"""The table of quantities: one line for each.

Other packages add their own quantities to it.
"""

from __future__ import annotations

from sdpbound.registry import Registry
from sdpbound.study.quantities.attacks import Attack, ConvexCombination
from sdpbound.study.quantities.bell import BellExtremum
from sdpbound.study.quantities.closed_forms import ClosedForm
from sdpbound.study.quantities.critical import Critical
from sdpbound.study.quantities.finite import FiniteKey, FiniteRandomness
from sdpbound.study.quantities.kind import Group, QuantityKind
from sdpbound.study.quantities.no_signaling import NoSignalingKey, TestedKey
from sdpbound.study.quantities.of_data import Entropy, Guess, KeyRate, Randomness
from sdpbound.study.quantities.processed import ProcessedAttack, ProcessedKey
from sdpbound.study.quantities.processed_critical import ProcessedCritical

__all__ = ["QUANTITIES", "kind_of", "names"]

_ENTROPY = frozenset({"entropy"})
_FLIPS = frozenset({"preprocessing"})
_MERGED = frozenset({"merge"})
_BOTH = _ENTROPY | _FLIPS
_SEARCHED = _BOTH | {"best"}
_PROCESSED = frozenset({"postprocessing"})
_ROUNDS = frozenset({"rounds", "method"})
_AT_BEST = _FLIPS | {"best"}
_CRITICAL = _SEARCHED | {"resolution"}
_PROCESSED_CRITICAL = _ENTROPY | _PROCESSED | {"resolution"}
_KEY, _LOCAL, _GLOBAL = "key rate (bits per round)", "local randomness (bits)", "global randomness (bits)"
_V, _ETA = "critical visibility", "critical detection efficiency"
_OF_ONE, _OF_BOTH = "local randomness", "global randomness"
_HAE, _HABE = "entropy H(A|E) (bits)", "entropy H(AB|E) (bits)"
_INDIVIDUAL = "key rate, individual attacks (bits per round)"
_INDEPENDENT = "key rate, independent pairs (bits per round)"

#: One line for each quantity. Other packages add theirs by an entry point of this group: an object of their own class.
QUANTITIES: Registry[QuantityKind] = Registry(
    "a quantity",
    "sdpbound.quantities",
    {
        "guess_local": Guess(label="guessing probability", side="upper", keys=_MERGED, several=True),
        "guess_global": Guess(
            label="guessing probability, pair", side="upper", bob=1, pair=True, keys=_MERGED, several=True
        ),
        "guess_blind": Guess(label="guessing probability, blind", side="upper", bob=1, blind=True),
        "key_rate": KeyRate(
            label=_KEY,
            side="lower",
            bob=0,
            unit="bit",
            keys=_SEARCHED | _PROCESSED | _MERGED,
            several=True,
            searched="key",
            processed=ProcessedKey(label=_KEY, keys=_ENTROPY | _PROCESSED, searched="key"),
        ),
        "randomness_local": Randomness(
            label=_LOCAL,
            side="lower",
            unit="bit",
            keys=_ENTROPY | _MERGED,
            local=True,
            several=True,
            searched=_OF_ONE,
        ),
        "randomness_global": Randomness(
            label=_GLOBAL,
            side="lower",
            bob=1,
            unit="bit",
            keys=_ENTROPY | _MERGED,
            pair=True,
            several=True,
            searched=_OF_BOTH,
        ),
        "randomness_blind": Randomness(label="blind randomness (bits)", side="lower", bob=1, unit="bit", blind=True),
        "entropy_local": Entropy(label=_HAE, side="lower", unit="bit", keys=_BOTH | _MERGED, several=True),
        "entropy_global": Entropy(
            label=_HABE, side="lower", bob=1, unit="bit", keys=_ENTROPY | _MERGED, pair=True, several=True
        ),
        "entropy_local_attack": Attack(label=_HAE, unit="bit", keys=_FLIPS | _MERGED, several=True),
        "entropy_global_attack": Attack(label=_HABE, bob=1, unit="bit", pair=True, keys=_MERGED, several=True),
        "key_rate_attack": Attack(
            label=_KEY,
            bob=0,
            unit="bit",
            rate=True,
            keys=_AT_BEST | _PROCESSED | _MERGED,
            key=True,
            several=True,
            searched="key",
            processed=ProcessedAttack(label=_KEY, keys=_PROCESSED, searched="key"),
        ),
        "randomness_local_attack": Attack(
            label=_LOCAL, unit="bit", rate=True, keys=_MERGED, several=True, searched=_OF_ONE
        ),
        "randomness_global_attack": Attack(
            label=_GLOBAL, bob=1, unit="bit", rate=True, pair=True, keys=_MERGED, several=True, searched=_OF_BOTH
        ),
        "convex_combination_attack": ConvexCombination(
            label="key rate of any protocol, convex combination (bits per round)", bob=0, unit="bit"
        ),
        "key_rate_individual": NoSignalingKey(
            label=_INDIVIDUAL, side="lower", bob=0, unit="bit", protocol="individual"
        ),
        "key_rate_independent": NoSignalingKey(
            label=_INDEPENDENT, side="lower", bob=0, unit="bit", protocol="independent"
        ),
        "key_rate_tested": TestedKey(
            label="key rate, tested pairs (bits per round)", side="lower", bob=0, unit="bit", protocol="tested"
        ),
        "finite_key_length": FiniteKey(label="key (bits)", bob=0, unit="bit", keys=_SEARCHED | _ROUNDS, searched="key"),
        "finite_randomness_length": FiniteRandomness(
            label="randomness (bits)", bob=1, unit="bit", keys=_ENTROPY | _ROUNDS, searched=_OF_BOTH
        ),
        "critical_visibility": Critical(
            label=_V,
            bob=0,
            keys=_CRITICAL | _PROCESSED,
            driven="visibility",
            searched="key",
            processed=ProcessedCritical(label=_V, keys=_PROCESSED_CRITICAL, driven="visibility", searched="key"),
        ),
        "critical_efficiency": Critical(
            label=_ETA,
            bob=0,
            keys=_CRITICAL | _PROCESSED,
            driven="efficiency",
            searched="key",
            processed=ProcessedCritical(label=_ETA, keys=_PROCESSED_CRITICAL, driven="efficiency", searched="key"),
        ),
        "bell_maximum": BellExtremum(label="largest Bell value", side="upper"),
        "bell_minimum": BellExtremum(label="smallest Bell value", side="lower"),
        "chsh": ClosedForm(label="CHSH value", attribute="chsh"),
        "condition": ClosedForm(label="condition (4), left side", attribute="condition"),
        "local_bound": ClosedForm(label="local bound", attribute="local_bound"),
        "quantum_bound": ClosedForm(label="quantum bound", attribute="quantum_bound"),
        "strategy_value": ClosedForm(label="Bell value of the strategy", attribute="strategy_value"),
    },
    fits=lambda thing: isinstance(thing, QuantityKind),
    wanted="an object of a subclass of sdpbound.QuantityKind",
)


def kind_of(name: str) -> QuantityKind:
    """Return the quantity of a name.

    Raises InvalidParameter if no quantity has the name.
    """
    return QUANTITIES.named(name, "quantity")


def names(*groups: Group) -> tuple[str, ...]:
    """Return the names of all quantities of some groups, in the order of the table."""
    return tuple(name for name, kind in QUANTITIES.items() if kind.group in groups)
