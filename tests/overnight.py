"""The qubit method on 10^5 random data sets: ``make test-overnight``, or ``python -m tests.overnight``.

Of each set the bound must be within the tolerance of an explicit mixture and not above it, without a warning. Every
tenth set is asked again at a tenth of the tolerance, which may not be worse. Every hundredth certificate is checked.
What fails is named by its seed, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from tests.entropies.test_qubits_random import check, random_question

#: Seeds that a process takes at a time.
CHUNK = 250
TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Checked:
    """What a chunk of seeds gave: failures by seed, the largest gap and the seconds of the slowest set."""

    count: int
    failures: tuple[tuple[int, str], ...]
    gap: float
    slowest: tuple[float, int]


def check_seeds(first: int, count: int) -> Checked:
    failures, gap, slowest = [], 0.0, (0.0, first)
    for seed in range(first, first + count):
        begun = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                question = random_question(seed)
                bound = check(question, TOLERANCE)
                gap = max(gap, bound.gap)
                if seed % 10 == 0:
                    assert check(question, TOLERANCE / 10).value >= bound.value, "less at a tenth of the tolerance"
                if seed % 100 == 0:
                    assert bound.certificate.verify().holds, "its certificate does not hold"
        except Exception as error:  # any error of a set is a failure, and the next sets are checked
            failures.append((seed, f"{type(error).__name__}: {str(error)[:200]}"))
        slowest = max(slowest, (time.process_time() - begun, seed))
    return Checked(count, tuple(failures), gap, slowest)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    last, begun = asked.first + asked.count, time.perf_counter()
    found: list[Checked] = []
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
        starts = range(asked.first, last, CHUNK)
        for future in as_completed([pool.submit(check_seeds, s, min(CHUNK, last - s)) for s in starts]):
            found.append(future.result())
            for seed, reason in found[-1].failures:
                print(f"seed {seed}: {reason}", flush=True)
    failures = sum(len(part.failures) for part in found)
    seconds, seed = max(part.slowest for part in found)
    print(
        f"{sum(part.count for part in found)} sets in {time.perf_counter() - begun:.0f} s: {failures} failed, largest "
        f"gap {max(part.gap for part in found):.2e}, slowest {seconds:.1f} s of one core (seed {seed})"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
