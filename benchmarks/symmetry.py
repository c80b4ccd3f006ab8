"""What symmetry is worth: sizes and CPU time of bounds with and without it, as a table in Markdown.

    python -m benchmarks.symmetry [--without 60]

Each bound is computed once before it is timed, so that imports and compiled code do not count, and its structures are
forgotten then. Without symmetry a program is solved only if its number of variables says that it takes less than the
seconds given.
"""

from __future__ import annotations

import argparse
import time

import sdpbound as sb
from sdpbound.bounds import assemble

#: Seconds for the third power of a program's variables without symmetry, on the machine that this was written on.
SECONDS_A_CUBE = 2e-10


def cases() -> list[tuple[sb.BellExpression, str]]:
    """Expressions and levels."""
    out = [(sb.chained(n), "1+AB") for n in (6, 10, 20)] + [(sb.cglmp(d), "1+AB") for d in (3, 4, 5, 8)]
    return [*out, (sb.magic_square(), "1+AB"), (sb.mermin(), "2"), *((sb.i3322(), level) for level in "345")]


def timed(expression: sb.BellExpression, level: str, symmetry: bool) -> tuple[sb.Bound, float]:
    """The bound, its structures computed again, and the CPU time for it."""
    assemble.forget()
    start = time.process_time()
    bound = sb.maximize(expression, sb.Quantum(level), symmetry=symmetry)
    return bound, time.process_time() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without", type=float, default=60.0, help="seconds that a program without symmetry may take")
    limit = parser.parse_args().without
    print("| | group | blocks | variables | CPU s | without |\n|---|---|---|---|---|---|")
    for expression, level in cases():
        sb.maximize(expression, sb.Quantum(level))
        bound, seconds = timed(expression, level, True)
        used = bound.symmetry
        assert used is not None
        plain = "-"
        if SECONDS_A_CUBE * used.variables_before**3 < limit:
            other, without = timed(expression, level, False)
            assert abs(other.value - bound.value) < 1e-6 * max(1.0, abs(bound.value)), (other.value, bound.value)
            plain = f"{without:.2g}"
        blocks, variables = used.sizes.removeprefix("blocks ").split("; variables ")
        print(
            f"| {expression.name}, {level} | {used.order} | {blocks} | {variables} | {seconds:.2g} | {plain} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
