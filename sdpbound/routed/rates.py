"""Key rates of routed Bell tests, and the efficiency of the far device down to which there is a key."""

from __future__ import annotations

import math

from sdpbound.adversaries.adversary import ASSUMED
from sdpbound.adversaries.quantum import DEVETAK_WINTER
from sdpbound.arguments import instance
from sdpbound.bell.noise.measurements import DetectionInefficiency
from sdpbound.bell.noise.noise import Noise
from sdpbound.bounds.rounding import lower_float
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.question import require_preprocessing
from sdpbound.errors import InvalidParameter
from sdpbound.rates.correction import leakage_of_key
from sdpbound.rates.rate import Rate
from sdpbound.rates.thresholds import Threshold, critical_noise, with_dead_end
from sdpbound.rates.upper import FROM_DATA
from sdpbound.routed.attack import entropy_upper_bound
from sdpbound.routed.entropy import RoutedEntropyBound, entropy
from sdpbound.routed.setup import RoutedTest, protocol

__all__ = ["critical_efficiency", "key_rate", "key_rate_upper_bound"]

#: Where the end of a key is looked for, and rounds of the search for an attack there.
ENDS, ROUNDS = (1.0, 0.4), 6
#: What a routed test assumes beside other device-independent rates.
ROUTED = (
    *ASSUMED,
    "Alice's device and the source do not know which way the switch sends Bob's system; Eve learns it after the switch",
)


def key_rate(
    test: RoutedTest,
    x: int = 0,
    z: int = 0,
    preprocessing: float = 0.0,
    level: str | None = None,
    nodes: int | None = None,
    solver: SolverChoice = None,
) -> Rate:
    """Certified lower bound on the key rate ``H(A|X=x,E) - H(A|F,X=x,Z=z)`` of Alice and the far device.

    Parameters
    ----------
    test : what the devices do, and what of it is tested
    x, z : the settings of the key, Alice's and the far device's; z need not be tested. Where the far device's no click
        is an outcome of that setting, error correction knows of it
    preprocessing, level, nodes, solver : as in :func:`sdpbound.routed.entropy`

    Returns
    -------
    Rate, side "lower", in bits a round of the key

    >>> import sdpbound as sb
    >>> losses = sb.DetectionInefficiency(1.0, 0.6, binning=(True, False))
    >>> rate = key_rate(protocol("bb84", far=losses), nodes=2, level="1+AN+AF+AA+AAF")
    >>> 0.199 < rate.value <= 0.2  # 2 * 0.6 - 1
    True
    """
    far = instance(test, RoutedTest, "test", "routed.protocol('bb84')").far
    z = far.scenario.require_setting(1, z, "z")
    x = far.scenario.require_setting(0, x, "x")
    leak = -lower_float(-leakage_of_key(far, (x, z), require_preprocessing(preprocessing))) + 0.0
    bound = entropy(test, x, preprocessing, level, nodes, solver)
    value = math.nextafter(bound.value - leak, -math.inf)  # the subtraction rounds once
    return Rate(
        value, "lower", "key", bound, leak, (x, z), DEVETAK_WINTER, ROUTED, preprocessing=float(preprocessing)
    )  # fmt: skip


def key_rate_upper_bound(
    test: RoutedTest,
    x: int = 0,
    z: int = 0,
    preprocessing: float = 0.0,
    bound: RoutedEntropyBound | None = None,
    rounds: int = 30,
) -> Rate:
    """The key rate that an explicit attack leaves: no analysis of these data proves more of this one-way protocol.

    Parameters
    ----------
    test, x, z, preprocessing : as in :func:`key_rate`
    bound, rounds : as in :func:`sdpbound.routed.entropy_upper_bound`

    Returns
    -------
    Rate, side "upper"; ``rate.entropy`` is the attack, and ``rate.exact`` says whether it is proven to have the data:
    then it has a certificate
    """
    far = instance(test, RoutedTest, "test", "routed.protocol('bb84')").far
    key = far.scenario.require_setting(0, x, "x"), far.scenario.require_setting(1, z, "z")
    leak = lower_float(leakage_of_key(far, key, require_preprocessing(preprocessing)))
    attack = entropy_upper_bound(test, x, preprocessing, bound, rounds)
    return Rate(
        math.nextafter(attack.value - leak, math.inf), "upper", "key", attack, leak, key, FROM_DATA, ROUTED,
        preprocessing=float(preprocessing), exact=attack.exact,
    )  # fmt: skip


def critical_efficiency(
    name: str = "bb84",
    near: Noise | None = None,
    far: Noise | None = None,
    preprocessing: float = 0.0,
    tolerance: float = 1e-3,
    level: str | None = None,
    nodes: int | None = None,
) -> Threshold:
    """The efficiency of the far device down to which a protocol has a key, from both sides.

    The far device's detectors keep their no click. Alice's are perfect. Below the last efficiency at which a key is
    proven, explicit attacks are tried, closest first and then farther and farther away.

    Parameters
    ----------
    name : "bb84" or "chsh", as in :func:`sdpbound.routed.protocol`
    near, far : noise of the rounds of either device, without the losses of the far detectors
    preprocessing, level, nodes : as in :func:`sdpbound.routed.key_rate`
    tolerance : width of the interval that ends the search

    Returns
    -------
    Threshold; ``alive_rate`` and ``dead_rate`` are the proofs; ``dead`` is None where no attack found leaves no key.
    With noise they are apart by what words, nodes and the search for attacks lose, and ``open`` says so

    Raises
    ------
    InvalidParameter
        The tolerance is not from 1e-6 to 1/4.
    """
    z = 2 if name == "chsh" else 0

    def test_at(efficiency: float) -> RoutedTest:
        losses = DetectionInefficiency(1.0, efficiency, binning=(True, False))
        return protocol(name, near, losses if far is None else far + losses)

    def predict(rate: Rate, efficiency: float) -> float:
        test, bound = test_at(efficiency), rate.entropy
        assert isinstance(bound, RoutedEntropyBound)
        return bound.about(test) - float(leakage_of_key(test.far, (0, z), rate.preprocessing).upper())

    if not 1e-6 <= tolerance <= 0.25:
        raise InvalidParameter(f"tolerance = {tolerance!r:.60} of an efficiency must be from 1e-6 to 1/4.")
    found = critical_noise(
        lambda efficiency: key_rate(test_at(efficiency), 0, z, preprocessing, level, nodes),
        *ENDS,
        predict=predict,
        quantity="efficiency of the far device",
        tolerance=tolerance,
    )

    def upper_of(efficiency: float) -> Rate | None:
        rate = key_rate_upper_bound(test_at(efficiency), 0, z, preprocessing, rounds=ROUNDS)
        return rate if rate.exact else None

    return with_dead_end(found, upper_of, ENDS, tolerance)
