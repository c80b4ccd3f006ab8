"""Critical visibilities and efficiencies of keys with a post-processing."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from sdpbound.errors import CertificateError
from sdpbound.rates.thresholds import ROUNDING
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.checks import Proofs, same, show
from sdpbound.study.quantities.critical import NO_KEY, NONE, Critical, nowhere, of_search
from sdpbound.study.quantities.kind import Asked, Needs, Run
from sdpbound.study.quantities.processed import asked_for, attacked_rate, certified_attack, of_row, proven_rate
from sdpbound.tables.columns import Row

__all__ = ["ProcessedCritical"]


@dataclass(frozen=True, kw_only=True)
class ProcessedCritical(Critical):
    """The last value of a noise at which a key with a post-processing is proven, and one where an attack leaves none.

    The attack's certificate proves what Eve's strategies leave where the row says dead.
    """

    def protocol(self, asked: Asked) -> dict[str, Any]:
        return {"x": None, "y": None, "postprocessing": asked_for(asked)}

    def row(self, at: AtPoint, asked: Asked, run: Run) -> Row:
        start = time.perf_counter()
        walked = run.walked(asked)
        found = self.threshold(at, asked, walked)
        row = nowhere(found, walked)
        for rate in (found.dead_rate, found.alive_rate):  # the second has what was found of what is best
            if rate is not None and rate.postprocessing is not None:
                row["postprocessing"] = json.dumps(rate.postprocessing.entry)
        if found.dead is not None and found.dead_rate is not None:
            row |= {"dead": found.dead, "dead_certificate": run.certificate(certified_attack(found.dead_rate))}
        if found.alive is None or found.alive_rate is None:
            row |= {"status": NONE, "error": NO_KEY}
            return row | {"seconds": time.perf_counter() - start}
        rate = found.alive_rate
        return row | {
            "value": found.alive,
            "method": "certified",
            "error_correction": rate.error_correction,
            "security": rate.security,
            "solver": rate.entropy.solver,
            "status": rate.entropy.status,
            "certificate": run.certificate(rate.entropy),
            "seconds": time.perf_counter() - start,
            "error": found.open or None,
        }

    # -- audit --

    def statuses(self, conic: frozenset[str]) -> frozenset[str]:
        return conic | {"inaccurate"}

    def needs(self, asked: Asked, row: Row) -> Needs:
        may = {"seconds", "dead", "dead_certificate", *of_search(row)}
        if row["value"] is None:
            same(NONE, row["status"], "status")
            return {"status", "error"}, may | {"postprocessing"}
        if row["method"] != "certified":
            raise CertificateError(f"its method is {show(row['method'])}, and it has a value.")
        same(asked_for(asked).theorem, row["security"], "security")
        need = {"value", "method", "status", "solver", "error_correction", "security", "postprocessing"}
        return need, may | {"certificate", "error"}

    def prove(self, at: AtPoint, asked: Asked, row: Row, proofs: Proofs) -> str:
        """Check that there is a key at the row's value, and that the attack leaves none at the row's ``dead``."""
        proven = ""
        if row["value"] is not None and row["certificate"] is not None:
            alive = at.at_noise(self.driven, row["value"])
            rate, leak = proven_rate(of_row(row, asked), alive, row["certificate"], proofs)
            same(leak, row["error_correction"], "error_correction")
            if not rate > 0.0:
                raise CertificateError(f"at its value {row['value']!r} the rate is {rate!r}, no key.")
            proven = "proven"
        if row["dead"] is not None and row["dead_certificate"] is not None:
            dead = at.at_noise(self.driven, row["dead"])
            left, _ = attacked_rate(of_row(row, asked), dead, row["dead_certificate"], proofs)
            if left > ROUNDING:
                raise CertificateError(f"where it says dead, {row['dead']!r}, the attack leaves a rate of {left!r}.")
        return proven
