"""CPU seconds of finite lengths, in one run on one core: ``python -m benchmarks.lengths``.

Each row is measured in a process of its own whose loops are compiled: the first default length, Renyi entropies alone,
accumulation alone, then 40 numbers of rounds with the bounds of the first call, and the same 40 again, when no bound is
left to solve. Ratios compare rows of the same run.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.timing import in_fresh_process

__all__ = ["main"]

_SETUP = """
import time
import numpy as np
import sdpbound as sb
{data}
n = [float(v) for v in np.round(np.logspace(4, 15, 40))]
def seconds(rounds, **options):
    start = time.process_time()
    found = sb.finite_key_length(p, rounds, **options)
    return [time.process_time() - start, found.length if isinstance(rounds, float) else found[-1].length]
def first_and_grid(**options):
    return [*seconds(1e8, **options), seconds(n, **options)[0], seconds(n, **options)[0] / len(n)]
sb.finite_key_length(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.9), 1e8, method="renyi")
"""
_POINT = "p = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour({noise})"


def data() -> Iterator[tuple[str, str]]:
    """Name of the devices, and the line that makes them."""
    yield "a self-test at visibility 0.99", _POINT.format(noise="0.99")
    yield "the same at 0.96", _POINT.format(noise="0.96")
    yield "efficiency 0.97", _POINT.format(noise="") + ".detection_efficiency(0.97, 0.97)"


def main() -> None:
    """Print the table."""
    print("| devices | method | bits of 1e8 rounds | first, CPU s | 40 lengths, CPU s | again, ms each | bits, ratio |")
    print("|---|---|---|---|---|---|---|")
    for name, line in data():
        lengths: dict[str, float] = {}
        for method, options in (
            ("accumulation", "method='accumulation'"),
            ("renyi", "method='renyi'"),
            ("default", ""),
        ):
            found = in_fresh_process(_SETUP.format(data=line), f"first_and_grid({options})")["value"]
            first, bits, grid, again = found  # type: ignore[misc]
            lengths[method] = bits
            ratio = bits / lengths["accumulation"]
            print(
                f"| {name} | {method} | {bits:.6g} | {first:.2f} | {grid:.2f} | {1e3 * again:.0f} | {ratio:.3g} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
