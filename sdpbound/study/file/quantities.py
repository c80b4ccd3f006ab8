"""The quantities of studies: one table of what each of them is of, which side is proven, what it may be asked with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["KINDS", "Group", "Kind", "names"]

#: What a quantity depends on besides the point: nothing ("point"); an adversary ("expression"); noise, what is tested
#: and an adversary ("data"); noise and what is tested, against quantum devices ("entropy") or no-signaling boxes
#: ("no-signaling"); what is tested and all noise but the one whose critical value is looked for ("threshold").
Group = Literal["point", "expression", "data", "entropy", "no-signaling", "threshold"]
Side = Literal["upper", "lower", "exact"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a quantity is.

    Attributes
    ----------
    label : for people
    group : what it depends on; with a von Neumann entropy quantities of the data are of the group "entropy"
    side : of what is proven
    bob : Bob's setting where none is given (WBC Props. 2 and 3); None for a quantity of Alice's outcome alone, and
        where there are no settings
    unit : "bit", or "1"
    rate : whether it is made of an entropy, as a rate
    keys : the further keys that it takes: "entropy", "preprocessing"; "best" if the latter may be searched,
        "resolution", "rounds"
    attack : whether it is of an explicit attack
    driven : of a threshold, the column whose critical value it is
    """

    label: str
    group: Group
    side: Side
    bob: int | None = None
    unit: Literal["bit", "1"] = "1"
    rate: bool = False
    keys: frozenset[str] = frozenset()
    attack: bool = False
    driven: str = ""


_ENTROPY = frozenset({"entropy"})
_FLIPS = frozenset({"preprocessing"})
_BOTH = _ENTROPY | _FLIPS
_SEARCHED = _BOTH | {"best"}
_ROUNDS = frozenset({"rounds"})
_CRITICAL = _SEARCHED | {"resolution"}

KINDS: dict[str, Kind] = {
    "guess_local": Kind("guessing probability", "data", "upper"),
    "guess_global": Kind("guessing probability, pair", "data", "upper", 1),
    "guess_blind": Kind("guessing probability, blind", "data", "upper", 1),
    "key_rate": Kind("key rate (bits per round)", "data", "lower", 0, "bit", True, _SEARCHED),
    "randomness_local": Kind("local randomness (bits)", "data", "lower", None, "bit", True, _ENTROPY),
    "randomness_global": Kind("global randomness (bits)", "data", "lower", 1, "bit", True, _ENTROPY),
    "randomness_blind": Kind("blind randomness (bits)", "data", "lower", 1, "bit", True),
    "entropy_local": Kind("entropy H(A|E) (bits)", "entropy", "lower", None, "bit", False, _BOTH),
    "entropy_global": Kind("entropy H(AB|E) (bits)", "entropy", "lower", 1, "bit", False, _ENTROPY),
    "entropy_local_attack": Kind("entropy H(A|E) (bits)", "entropy", "upper", None, "bit", False, _FLIPS, True),
    "entropy_global_attack": Kind("entropy H(AB|E) (bits)", "entropy", "upper", 1, "bit", attack=True),
    "key_rate_attack": Kind("key rate (bits per round)", "entropy", "upper", 0, "bit", True, _FLIPS, True),
    "randomness_local_attack": Kind("local randomness (bits)", "entropy", "upper", None, "bit", True, attack=True),
    "randomness_global_attack": Kind("global randomness (bits)", "entropy", "upper", 1, "bit", True, attack=True),
    "key_rate_individual": Kind(
        "key rate, individual attacks (bits per round)", "no-signaling", "lower", 0, "bit", True
    ),
    "key_rate_independent": Kind(
        "key rate, independent pairs (bits per round)", "no-signaling", "lower", 0, "bit", True
    ),
    "key_rate_tested": Kind("key rate, tested pairs (bits per round)", "no-signaling", "lower", 0, "bit", True),
    "finite_key_length": Kind("key (bits)", "entropy", "lower", 0, "bit", keys=_BOTH | _ROUNDS),
    "finite_randomness_length": Kind("randomness (bits)", "entropy", "lower", 1, "bit", keys=_ENTROPY | _ROUNDS),
    "critical_visibility": Kind("critical visibility", "threshold", "upper", 0, keys=_CRITICAL, driven="visibility"),
    "critical_efficiency": Kind(
        "critical detection efficiency", "threshold", "upper", 0, keys=_CRITICAL, driven="efficiency"
    ),
    "bell_maximum": Kind("largest Bell value", "expression", "upper"),
    "bell_minimum": Kind("smallest Bell value", "expression", "lower"),
    "chsh": Kind("CHSH value", "point", "exact"),
    "condition": Kind("condition (4), left side", "point", "exact"),
    "local_bound": Kind("local bound", "point", "exact"),
    "quantum_bound": Kind("quantum bound", "point", "exact"),
    "strategy_value": Kind("Bell value of the strategy", "point", "exact"),
}


def names(*groups: Group) -> tuple[str, ...]:
    """The names of all quantities of some groups."""
    return tuple(name for name, kind in KINDS.items() if kind.group in groups)
