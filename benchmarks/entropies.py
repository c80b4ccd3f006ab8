"""Accuracy against time of the methods for von Neumann entropies: ``python -m benchmarks.entropies [table ...]``.

Tables: ``accuracy`` (every method at points of known entropy), ``rates`` (key rates near the local boundary),
``losses`` (what nodes and words cost at one point), ``scenarios`` (more settings and outcomes, each once). CPU seconds
on one core, the better of two runs: structure is shared, as in a sweep. Exact values: the formula for CHSH
(arXiv:0903.4460); convex roofs over qubit strategies, accurate to 5e-5, from ``tests/reference/values.json`` for the
points of the family.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import sdpbound as sb
from benchmarks.magic_square import white

REFERENCE = Path(__file__).parents[1] / "tests" / "reference" / "values.json"
MIDDLE = "1+AB+AA+AAB"
RATES = [  # theta, omega, pi/2 - phi, and a prototype's uncertified rates at the columns of NOISE
    (math.pi / 3, 5 * math.pi / 6, 0.02, (0.9985, 0.868, 0.595, 0.354, 0.796, 0.004)),
    (math.pi / 4, math.pi, 0.02, (0.9985, 0.826, 0.517, 0.273, 0.664, -0.046)),
    (0.15, math.pi, 0.02, (0.9985, 0.529, 0.115, -0.041, 0.084, -0.046)),
    (0.15, math.pi, 0.10, (0.9747, 0.585, 0.114, -0.050, 0.437, -0.064)),
]
NOISE = [(1.0, False), (0.999, False), (0.99, False), (0.97, False), (0.999, True), (0.99, True)]
LOSSES = [
    sb.VonNeumann("projective", "1+AB", 16),
    sb.VonNeumann("projective", "1+AB", 32),
    sb.VonNeumann("projective", MIDDLE, 8),
    sb.VonNeumann("projective", MIDDLE, 16),
    sb.VonNeumann("projective", MIDDLE, 32),
    sb.VonNeumann("gauss-radau", MIDDLE, 8),
    sb.VonNeumann("gauss-radau", MIDDLE, 12),
    sb.VonNeumann("gauss-radau", MIDDLE + "+AAA+AAAB", 12),
    sb.VonNeumann("qubit", tolerance=1e-4),
]


def timed(run: Callable[[], sb.EntropyBound]) -> tuple[sb.EntropyBound, float]:
    seconds = []
    for _ in range(2):
        start = time.process_time()
        bound = run()
        seconds.append(time.process_time() - start)
    return bound, min(seconds)


def point(kind: str, number: int) -> tuple[sb.Observations, float]:
    entry = json.loads(REFERENCE.read_text(encoding="utf-8"))[f"A7.H_A0_{kind}_pt{number}"]
    p = entry["params"]
    t = sb.SingletSelfTest(p["theta"], p["phi"], p["omega"])
    b = t.behaviour(p["v"])
    data = (
        sb.Observations.correlators(b) if kind == "full" else sb.Observations.bell_value(t.expression, t.expression(b))
    )
    return data, entry["value"]


def cases() -> Iterator[tuple[str, sb.Observations, float, list[sb.VonNeumann]]]:
    """What is tested, its exact entropy, and the methods to try."""
    for s in (2.05, 2.4, 2.7, 2.8):
        data = sb.Observations.bell_value(sb.chsh(), s)
        p = (1 + math.sqrt(s * s / 4 - 1)) / 2
        exact = 1 + p * math.log2(p) + (1 - p) * math.log2(1 - p)
        radau = [sb.VonNeumann("gauss-radau", MIDDLE, m) for m in ((4, 6) if s < 2.6 else (8, 16))]
        projective = [sb.VonNeumann("projective", tolerance=t) for t in (2e-3, 2e-5)]
        qubit = [sb.VonNeumann("qubit", tolerance=t) for t in (1e-3, 1e-5)]
        yield f"CHSH {s}", data, exact, [*projective, *radau, *qubit]
    for kind in ("bell", "full"):
        for number in (0, 2, 4, 6, 8):
            data, exact = point(kind, number)
            methods = [sb.VonNeumann("projective", tolerance=t) for t in (4e-3, 1e-3, 4e-4)]
            methods += [sb.VonNeumann("gauss-radau", MIDDLE, m) for m in (8, 16)]
            methods += [sb.VonNeumann("qubit", tolerance=t) for t in (1e-3, 1e-4)]
            yield f"A7 point {number}, {'all correlators' if kind == 'full' else 'Bell value'}", data, exact, methods


def accuracy() -> None:
    print("| data | method | tolerance | words | nodes | bound | exact - bound | CPU s |")
    print("|---|---|---|---|---|---|---|---|")
    for name, data, exact, methods in cases():
        for method in methods:
            bound, seconds = timed(lambda d=data, m=method: sb.conditional_entropy(d, method=m, closed_forms=False))
            nodes = str(len(bound.nodes)) if bound.nodes else ""
            words = bound.model.label if bound.nodes else ""
            asked = f"{method.tolerance:g}" if method.nodes is None else ""
            row = f"{method.method} | {asked} | {words} | {nodes} | {bound.value:.7f} | {exact - bound.value:.1e}"
            print(f"| {name} | {row} | {seconds:.3f} |", flush=True)
        if name.startswith("CHSH"):
            bound, seconds = timed(lambda d=data: sb.conditional_entropy(d))
            print(
                f"| {name} | formula | | | | {bound.value:.7f} | {exact - bound.value:.1e} | {seconds:.4f} |",
                flush=True,
            )


def rates() -> None:
    heads = (f"v={v:g}{', Bell value' if bell else ''}" for v, bell in NOISE)
    print(f"| theta, omega, pi/2 - phi | CHSH | {' | '.join(heads)} |")
    print("|---|---|" + "---|" * len(NOISE))
    for theta, omega, distance, before in RATES:
        t = sb.SingletSelfTest(theta, math.pi / 2 - distance, omega)
        row = []
        for (v, bell), uncertified in zip(NOISE, before, strict=True):
            b = t.behaviour(v)
            data = sb.Observations.bell_value(t.expression, t.expression(b)) if bell else "correlators"
            value = sb.key_rate(b, data, 0, 0, sb.VonNeumann()).value
            assert value >= uncertified - 5e-4  # which was rounded
            row.append(f"{value:.4f}")
        print(f"| {theta:.4f}, {omega:.4f}, {distance:g} | {t.chsh:.3f} | {' | '.join(row)} |", flush=True)


def losses() -> None:
    t = sb.SingletSelfTest(4.236386, 2.797084, 3.840617)
    data = sb.Observations.correlators(t.behaviour(0.971825))
    print("| method | words | nodes | certified bound | CPU s |")
    print("|---|---|---|---|---|")
    for method in LOSSES:
        bound, seconds = timed(lambda m=method: sb.conditional_entropy(data, method=m))
        words, nodes = (bound.model.label, len(bound.nodes)) if bound.nodes else ("", "")
        print(f"| {method.method} | {words} | {nodes} | {bound.value:.5f} | {seconds:.3f} |", flush=True)


def scenarios() -> None:
    """More settings and outcomes: H(A|E) of x = 0 from full statistics, and attacks; the default, or a level."""
    _, optimal = sb.see_saw(sb.i3322(), 2, rng=0)
    clicks = sb.family_named("chsh").member().behaviour()
    square = sb.VonNeumann("projective", "2", 48)
    trit = "CGLMP, 3 outcomes, 0.98"
    relabelled = {trit: sb.AttackOptions(symmetry=True, dimension=3, rank=3)}
    cases: list[tuple[str, sb.Behaviour, sb.VonNeumann | None]] = [
        ("chained, 3 settings, 0.98", sb.family_named("chained").member(settings=3).behaviour(0.98), None),
        ("I3322, qubits, 0.98", optimal.behaviour(sb.WhiteNoise(0.98)), None),
        ("CHSH, efficiency 0.95, no click kept", clicks.detection_efficiency(0.95, 0.95, binning=False), None),
        (trit, sb.family_named("cglmp").member(d=3).behaviour(0.98), None),
        *((f"magic square, {v}", white(v), square) for v in (0.99, 0.98, 0.97)),
    ]
    print("| data | words | nodes | certified bound | gap | largest block | CPU s | attack | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, behaviour, method in cases:
        data = sb.Observations.full(behaviour)
        start = time.process_time()
        bound = sb.conditional_entropy(data, method=method)
        middle = time.process_time()
        words = bound.model.label if bound.nodes else ""
        largest = max(bound.symmetry.blocks) if bound.symmetry else ""
        above, end = "", middle
        if method is None:
            attack = sb.conditional_entropy_upper_bound(data, options=relabelled.get(name))
            above, end = f"{attack.value:.5f}", time.process_time()
        row = f"{words} | {len(bound.nodes)} | {bound.value:.5f} | {bound.gap:.1e} | {largest} | {middle - start:.2f}"
        print(f"| {name} | {row} | {above} | {end - middle:.1f} |", flush=True)
    print("\nOf one bit of the magic square, as a key shares it: python -m benchmarks.magic_square")


def main() -> None:
    tables = {"accuracy": accuracy, "rates": rates, "losses": losses, "scenarios": scenarios}
    for name in sys.argv[1:] or tables:
        tables[name]()
        print()


if __name__ == "__main__":
    main()
