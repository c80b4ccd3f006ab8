"""Critical visibilities and efficiencies: the noise at which a key is proven, and at which an attack leaves no key."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from scipy.optimize import brentq

from sdpbound.adversaries.quantum import DEVETAK_WINTER
from sdpbound.attacks.all_channels import ChannelAttack, KeyOfChannels
from sdpbound.attacks.all_flips import KeyAttack, KeyOfFlips
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.bell.channel import BEST_CHANNEL, Preprocessing
from sdpbound.bell.noise.measurements import DetectionInefficiency
from sdpbound.bell.noise.noise import Noise, NoiseSequence
from sdpbound.bounds.figures import ConditionalEntropy
from sdpbound.errors import CertificateError
from sdpbound.rates.any_flips import with_key_tested
from sdpbound.rates.correction import error_correction, pairs_of_key
from sdpbound.rates.critical import critical_efficiency, critical_visibility
from sdpbound.rates.thresholds import ROUNDING, Threshold
from sdpbound.study.quantities.at_point import AtPoint, beyond_local
from sdpbound.study.quantities.checks import Proofs, follows, least_leak, rate_of, same, show
from sdpbound.study.quantities.kind import (
    SEARCHED,
    Asked,
    Group,
    Needs,
    QuantityKind,
    Run,
    Side,
    Walked,
    ahead_columns,
    ahead_of,
    question,
)
from sdpbound.tables.columns import Row

__all__ = ["NONE", "NO_KEY", "Critical", "nowhere", "of_search"]

#: The search begins at this part of the way to local data.
PART = 0.15
#: The status of a row without a value, because no key was found even without the noise.
NONE = "no key"
NO_KEY = "no key is proven, even without this noise."


@dataclass(frozen=True, kw_only=True)
class Critical(QuantityKind):
    """The last value of a noise at which a key is proven.

    ``dead`` is the first value beyond it at which an explicit attack is proven to leave no key. Between the two nothing
    is proven.
    """

    group: Group = "threshold"
    side: Side = "upper"

    def program(self, asked: Asked) -> tuple[Any, ...]:
        return "threshold", asked

    def row(self, at: AtPoint, asked: Asked, run: Run) -> Row:
        start = time.perf_counter()
        walked = run.walked(asked)
        found = self.threshold(at, asked, walked)
        row: Row = {"method": "certified", **nowhere(found, walked)} | ahead_columns(_ahead(found, asked))
        if found.dead is not None and found.dead_rate is not None:
            attack = found.dead_rate.attack  # of searched flips or channels it is on all of them
            assert isinstance(attack, (EntropyAttack, KeyAttack, ChannelAttack))
            row |= {"dead": found.dead, "dead_certificate": run.certificate(attack)}
        if found.alive is None or found.alive_rate is None:
            row |= {"method": None, "status": NONE, "error": NO_KEY}
            return row | {"seconds": time.perf_counter() - start}
        rate = found.alive_rate
        return row | {
            "value": found.alive,
            "entropy": rate.entropy.value,
            "error_correction": rate.error_correction,
            "security": rate.security,
            "solver": rate.entropy.solver,
            "status": rate.entropy.status,
            "certificate": run.certificate(rate.entropy),
            "seconds": time.perf_counter() - start,
            "error": found.open or None,
        }

    def protocol(self, asked: Asked) -> dict[str, Any]:
        """Return how the key is made, as keywords of a threshold."""
        x, y = asked.settings
        return {"x": x, "y": y, "preprocessing": asked.preprocessing or 0.0}

    def threshold(self, at: AtPoint, asked: Asked, walked: Walked | None = None) -> Threshold:
        """Return the critical value of the devices of a point; a search for strategies says where it begins."""
        assert at.tested is not None
        noise = at.noise
        critical: Callable[..., Threshold] = critical_visibility
        if self.driven == "efficiency":
            critical = partial(critical_efficiency, binning=at.binning)
            noise = _before_detectors(at)
        return critical(
            at.singlet or at.member.strategy or at.member.behaviour(),
            at.expression if at.tested == "bell" else at.tested,
            **self.protocol(asked),
            entropy=None if asked.how is None else asked.how.bound(at.solver),
            noise=None if at.plain else noise,
            tolerance=asked.width,
            start=self._start(at) if walked is None or walked.begin == 1.0 else walked.begin,
            closed_forms=False,
        )

    def _start(self, at: AtPoint) -> float | None:
        """Return where to begin for a Bell value: a part of the way from no noise to local data.

        Near the noiseless end, functionals are steep and give little information about other values of the noise. None
        if the data are always local, and for other data: of those the search makes a guess of its own.
        """
        if at.tested != "bell":
            return None

        def excess(value: float) -> float:
            return beyond_local(at.member, at.at_noise(self.driven, value).behaviour)

        high, low = 1.0, 1.0
        if excess(high) <= 0.0:
            return None
        for power in range(40, 0, -1):  # the distance to the nearest local data is tried from short to long
            high, low = low, 1.0 - 0.5**power
            if excess(low) <= 0.0:
                return 1.0 - PART * (1.0 - float(brentq(excess, low, high, xtol=1e-12)))
        return None

    # -- audit --

    def statuses(self, conic: frozenset[str]) -> frozenset[str]:
        return conic

    def needs(self, asked: Asked, row: Row) -> Needs:
        may = {"seconds", "dead", "dead_certificate", *of_search(row)}
        if row["value"] is None:
            same(NONE, row["status"], "status")
            return {"status", "error"}, may
        if row["method"] != "certified":
            raise CertificateError(
                f"its method and status are {show((row['method'], row['status']))}, and it has a value."
            )
        same(DEVETAK_WINTER, row["security"], "security")
        need = {"value", "method", "status", "solver", "entropy", "error_correction", "security"}
        return need, may | {"certificate", "error"}

    def prove(self, at: AtPoint, asked: Asked, row: Row, proofs: Proofs) -> str:
        """Check that there is a key at the row's value, and that the attack leaves none at the row's ``dead``."""
        flips, proven = ahead_of(row), ""
        if row["value"] is not None:
            alive = at.at_noise(self.driven, row["value"])
            x, y = asked.settings
            leak = error_correction(alive.behaviour, x, y or 0, flips)
            same(leak, row["error_correction"], "error_correction")
            left = rate_of(row["entropy"], leak)
            if not left > 0.0:
                raise CertificateError(f"at its value {row['value']!r} the rate is {left!r}, no key.")
            if row["certificate"] is not None:
                found = proofs.of(row["certificate"], _conditional(alive, asked, "lower", flips))
                follows(row["entropy"], found.claimed, "entropy")
                proven = "proven"
        if row["dead"] is not None and row["dead_certificate"] is not None:
            dead = at.at_noise(self.driven, row["dead"])
            if asked.preprocessing in SEARCHED:
                left = proofs.of(row["dead_certificate"], _for_any(dead, asked), as_given=True).value
            else:
                found = proofs.of(row["dead_certificate"], _conditional(dead, asked, "upper", flips), as_given=True)
                left = math.nextafter(found.value - least_leak(dead.behaviour, asked.settings, flips), math.inf)
            if left > ROUNDING:
                raise CertificateError(f"where it says dead, {row['dead']!r}, the attack leaves a rate of {left!r}.")
        return proven


def _conditional(at: AtPoint, asked: Asked, side: str, flips: Preprocessing) -> dict[str, Any]:
    """Return the question of Alice's entropy against quantum devices, for a proof at any level."""
    figure = ConditionalEntropy(asked.settings[0], None, flips)
    # a proof from below leaves out what is not tested of Bob, as rates do
    data = at.observed.drop_untested() if side == "lower" else at.observed
    scenario = {"outcomes": [list(party) for party in data.scenario.outcomes]}
    return question(at, figure, side, data=data) | {"scenario": scenario, "model": {"kind": "quantum"}}


def _for_any(at: AtPoint, asked: Asked) -> dict[str, Any]:
    """Return the question of an attack on a key with any flips, or any channel."""
    x, y = asked.settings
    key, data = (x, y or 0), at.observed
    channels = asked.preprocessing == BEST_CHANNEL
    if channels:
        data = with_key_tested(at.behaviour, data, [key])
    figure = (KeyOfChannels if channels else KeyOfFlips)((x, None), pairs_of_key(at.behaviour, key))
    return question(at, figure, "upper", data=data) | {"model": {"kind": "quantum"}}


def _before_detectors(at: AtPoint) -> Noise | None:
    """Return the noise without the detectors of efficiency 1 that say what becomes of no clicks; None for none."""
    if at.noise is None or at.binning is True:
        return at.noise
    parts = tuple(part for part in at.noise.parts if not isinstance(part, DetectionInefficiency))
    return NoiseSequence(parts) if parts else None


def nowhere(found: Threshold, walked: Walked | None) -> Row:
    """Return the column of a search that says where it found no key; empty where the proof goes farther."""
    if walked is None or walked.nowhere is None:
        return {}
    beyond = found.alive is None or walked.nowhere < found.alive
    return {"nowhere": walked.nowhere} if beyond else {}


def of_search(row: Row) -> tuple[str, ...]:
    """Return the columns that a row may have besides, if its strategy was searched."""
    return () if row["place"] is None else ("nowhere",)


def _ahead(found: Threshold, asked: Asked) -> Preprocessing:
    """Return the preprocessing of the threshold that was found."""
    if asked.preprocessing in SEARCHED:
        return 0.0 if found.alive_rate is None else found.alive_rate.preprocessing
    assert not isinstance(asked.preprocessing, str)
    return asked.preprocessing or 0.0
