"""Accuracy against time of the von Neumann bounds: ``python -m benchmarks.entropies``.

Exact values: 1 - h((1 + sqrt(S^2/4 - 1))/2) for CHSH; for the noisy points of the family the convex roof over qubit
strategies (tests/reference_values.json, keys A7). Times are CPU seconds on one core, the better of two runs, closed
forms off; the program's structure is shared between runs, as in a sweep.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import sdpbound as sb

REFERENCE = Path(__file__).parent.parent / "tests" / "reference_values.json"


def cases() -> Iterator[tuple[str, sb.Observations, float, tuple[float, ...]]]:
    """Name, tested data, exact value, tolerances."""
    for s in (2.05, 2.2, 2.4, 2.5, 2.7, 2.8):
        p = (1 + math.sqrt(s * s / 4 - 1)) / 2
        exact = 1 + p * math.log2(p) + (1 - p) * math.log2(1 - p)
        yield f"CHSH {s}", sb.Observations.bell_value(sb.chsh(), s), exact, (2e-3, 2e-5)
    reference = json.loads(REFERENCE.read_text(encoding="utf-8"))
    for kind in ("bell", "full"):
        for point in (0, 2, 4, 6, 8):
            entry = reference[f"A7.H_A0_{kind}_pt{point}"]
            p = entry["params"]
            t = sb.SingletSelfTest(p["theta"], p["phi"], p["omega"])
            b = t.behaviour(p["v"])
            full = kind == "full"
            data = sb.Observations.correlators(b) if full else sb.Observations.bell_value(t.expression, t.expression(b))
            name = f"A7 point {point}, {'all correlators' if full else 'Bell value'}"
            yield name, data, entry["value"], (4e-3, 1e-3, 4e-4)


def main() -> None:
    print("| data | tolerance | words | nodes | bound | exact | exact - bound | gap of the nodes | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|")
    sb.conditional_entropy(sb.Observations.bell_value(sb.chsh(), 2.3), closed_forms=False)
    for name, data, exact, tolerances in cases():
        for tolerance in tolerances:
            seconds = []
            for _ in range(2):
                start = time.process_time()
                bound = sb.conditional_entropy(data, method=sb.VonNeumann(tolerance=tolerance), closed_forms=False)
                seconds.append(time.process_time() - start)
            assert bound.model is not None
            how = f"{tolerance:g} | {bound.model.label} | {len(bound.nodes)}"
            numbers = f"{bound.value:.7f} | {exact:.7f} | {exact - bound.value:.1e} | {bound.quadrature_gap:.1e}"
            print(f"| {name} | {how} | {numbers} | {min(seconds):.2f} |", flush=True)


if __name__ == "__main__":
    main()
