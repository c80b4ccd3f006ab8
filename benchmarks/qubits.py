"""Entropies by the qubit reduction, their mixtures, times and the checker's: ``python -m benchmarks.qubits``.

CPU seconds on one core, the better of two runs, each from the beginning; then sweeps, each point from its neighbour.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator

import numpy as np

import sdpbound as sb
from benchmarks.entropies import REFERENCE
from sdpbound.entropies.qubits.entropy import qubit_entropy
from sdpbound.entropies.question import EntropyQuestion


def cases() -> Iterator[tuple[str, EntropyQuestion, tuple[float, ...]]]:
    """Name, question, tolerances."""
    for s in (2.05, 2.2, 2.5, 2.8, 8**0.5):
        yield f"CHSH {s:.4g}", EntropyQuestion(sb.Observations.bell_value(sb.chsh(), s), 0, None), (1e-4, 1e-5)
    reference = json.loads(REFERENCE.read_text(encoding="utf-8"))
    for point in (0, 4, 8):
        p = reference[f"A7.H_A0_full_pt{point}"]["params"]
        t = sb.SingletSelfTest(p["theta"], p["phi"], p["omega"])
        b = t.behaviour(p["v"])
        data = sb.Observations.correlators(b)
        bell = sb.Observations.bell_value(t.expression, t.expression(b))
        yield f"A7 point {point}, Bell value", EntropyQuestion(bell, 0, None), (1e-4,)
        yield f"A7 point {point}, all correlators", EntropyQuestion(data, 0, None), (1e-4, 1e-5)
        if point == 0:
            full = sb.Observations.full(t.behaviour().detection_efficiency(0.97, 0.97))
            yield "the same, both outcomes, X=0, Y=1", EntropyQuestion(data, 0, 1), (1e-4,)
            yield "the same, flips 5 %", EntropyQuestion(data, 0, None, 0.05), (1e-4,)
            yield "efficiency 0.97, full statistics", EntropyQuestion(full, 0, None), (1e-4,)
    top = sb.Observations.bell_value(sb.chsh(), 8**0.5)
    yield "CHSH 2.828, both outcomes, X=Y=0", EntropyQuestion(top, 0, 0), (1e-4,)


def sweeps() -> Iterator[tuple[str, list[EntropyQuestion]]]:
    t = sb.SingletSelfTest(1.0, 1.5, 2.6)
    v = np.linspace(0.999, 0.93, 40)
    correlators = [sb.Observations.correlators(t.behaviour(float(x))) for x in v]
    yield "visibility, all correlators", [EntropyQuestion(d, 0, None) for d in correlators]
    bell = [sb.Observations.bell_value(t.expression, t.expression(t.behaviour(float(x)))) for x in v]
    yield "visibility, Bell value", [EntropyQuestion(d, 0, None) for d in bell]
    family = [sb.SingletSelfTest(1.0 + 0.01 * k, 1.5, 2.6) for k in range(40)]
    along = [sb.Observations.correlators(f.behaviour(0.98)) for f in family]
    yield "theta, all correlators", [EntropyQuestion(d, 0, None) for d in along]
    yield "visibility, all correlators, flips 5 %", [EntropyQuestion(d, 0, None, 0.05) for d in correlators[:20]]
    ideal = t.behaviour()
    lossy = [sb.Observations.full(ideal.detection_efficiency(float(e), float(e))) for e in np.linspace(0.98, 0.9, 12)]
    yield "efficiency, full statistics", [EntropyQuestion(d, 0, None) for d in lossy]


def main() -> None:
    print("| data | tolerance | bound | mixture | gap | CPU s | checker, CPU s |\n|---|---|---|---|---|---|---|")
    for name, question, tolerances in cases():
        for tolerance in tolerances:
            seconds = []
            for _ in range(2):
                start = time.process_time()
                bound = qubit_entropy(question, tolerance)
                seconds.append(time.process_time() - start)
            start = time.process_time()
            bound.certificate.verify()
            check = time.process_time() - start
            assert bound.optimum is not None
            gap = "-" if math.isnan(bound.gap) else f"{bound.gap:.1e}"
            numbers = f"{bound.value:.7f} | {bound.optimum.value:.7f} | {gap}"
            print(f"| {name} | {tolerance:g} | {numbers} | {min(seconds):.3f} | {check:.2f} |", flush=True)
    print("\n| sweep, tolerance 1e-4 | points | CPU s a point, mean | most | largest gap |\n|---|---|---|---|---|")
    for name, questions in sweeps():
        seconds, gaps, near = [], [], None
        for question in questions:
            start = time.process_time()
            bound = qubit_entropy(question, 1e-4, near)
            seconds.append(time.process_time() - start)
            near = bound.optimum
            gaps.append(bound.gap)
        row = f"{len(questions)} | {np.mean(seconds):.3f} | {max(seconds):.3f} | {np.nanmax(gaps):.1e}"
        print(f"| {name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
