"""Key distribution from the magic square: ``python -m benchmarks.magic_square [--pairs]``.

In row x Alice has three bits of even parity, in column y Bob three of odd parity, and their bits of the shared cell
agree. The key is that bit, a function of the outcome: H(f(A)|X=0,E) from full statistics, of the cell of row 0 and
column 0, below by the projective method and above by an explicit attack. Both are certificates, which are verified.

Noise: white noise on all of the four qubits, or with ``--pairs`` on each of the two pairs, as in the data that
Zhen et al. (https://github.com/YizhengZhen/Code_DIQKD_MPG) computed.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import time

import numpy as np

import sdpbound as sb

#: The bit of the first cell of a row, for each of the row's outcomes: (0, 0), (0, 1), (1, 0) and (1, 1), the third bit
#: following.
CELL = (0, 0, 1, 1)
#: Visibility, and H(f(A)|E) as published, by Gauss-Radau sums of eight nodes; the mean over two cells.
PUBLISHED = {"0.99": 0.7664573029, "0.98": 0.5623339631, "0.97": 0.3818986691}
ROWS = [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]
COLUMNS = [(0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1)]


def white(visibility: float) -> sb.Behaviour:
    """The ideal devices in white noise."""
    p = np.full((4, 4, 3, 3), (1.0 - visibility) / 16.0)
    for x, y, a, b in np.ndindex(3, 3, 4, 4):
        p[a, b, x, y] += visibility / 8.0 * (ROWS[a][y] == COLUMNS[b][x])
    return sb.Behaviour(p)


def devices(visibility: float) -> sb.Strategy:
    """Two pairs of qubits in the singlet's Bell state, each in white noise, and the square of Mermin and Peres."""
    one, x, z = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
    top = [np.kron(one, z), np.kron(z, one), np.kron(z, z)]
    middle = [np.kron(x, one), np.kron(one, x), np.kron(x, x)]
    square = [top, middle, [-a @ b for a, b in zip(top, middle, strict=True)]]

    def measured(line: list[np.ndarray]) -> np.ndarray:
        """The projections on the first two bits of each outcome."""
        signs = itertools.product((1.0, -1.0), repeat=2)
        return np.array([(np.eye(4) + s * line[0]) @ (np.eye(4) + t * line[1]) / 4.0 for s, t in signs])

    bell = np.array([1.0, 0.0, 0.0, 1.0]) / 2**0.5
    pair = visibility * np.outer(bell, bell) + (1.0 - visibility) * np.eye(4) / 4.0
    both = np.kron(pair, pair).reshape([2] * 8).transpose(0, 2, 1, 3, 4, 6, 5, 7).reshape(16, 16)
    columns = tuple(measured([square[i][y].T for i in range(3)]) for y in range(3))
    return sb.Strategy(both, (tuple(measured(row) for row in square), columns))


def words(both: bool = True) -> tuple[str, ...]:
    """1+AB, and products of two letters of Alice, or with ``both`` also of Bob, whose first is not of row or column 0.

    Those that begin with row 0 add nothing that is seen.
    """
    letters = {p: [(f"{p}{a}|{x}", x) for x in range(3) for a in range(3)] for p in "AB"}
    found = ["1", *(name for p in "AB" for name, _ in letters[p])]
    found += [f"{a} {b}" for (a, _), (b, _) in itertools.product(letters["A"], letters["B"])]
    for party in "AB" if both else "A":
        pairs = itertools.product(letters[party], repeat=2)
        found += [f"{first} {second}" for (first, x), (second, y) in pairs if x not in (0, y)]
    return tuple(found)


def below(behaviour: sb.Behaviour, nodes: int, level: str | tuple[str, ...]) -> sb.EntropyBound:
    """The entropy of the cell, from below."""
    method = sb.VonNeumann("projective", level, nodes)
    return sb.conditional_entropy(sb.Observations.full(behaviour), 0, method=method, merge=CELL)


def above(behaviour: sb.Behaviour, seeds: tuple[int, ...] = (2, 4)) -> sb.EntropyAttack:
    """The entropy of the cell, from above: relabelled strategies in dimension 4, of rank 2; the best of seeds."""
    data, ideal = sb.Observations.full(behaviour), [devices(1.0)]
    found = []
    for seed in seeds:
        options = sb.AttackOptions(dimension=4, rank=2, strategies=ideal, symmetry=True, seed=seed, tolerance=1e-3)
        found.append(sb.conditional_entropy_upper_bound(data, 0, options=options, merge=CELL))
    return min(found, key=lambda attack: attack.value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", action="store_true", help="noise on each pair, and Alice's products alone")
    parser.add_argument("--nodes", type=int, default=14, help="nodes of the integral")
    pairs = parser.parse_args()
    print("| visibility | words | nodes | certified bound | what nodes lose at most | CPU s | attack | CPU s |")
    print("|---|---|---|---|---|---|---|---|")
    for visibility in PUBLISHED:
        v = float(visibility)
        behaviour = devices(v).behaviour() if pairs.pairs else white(v)
        start = time.process_time()
        bound = below(behaviour, pairs.nodes, words(not pairs.pairs))
        middle = time.process_time()
        attack = above(behaviour)
        end = time.process_time()
        assert bound.certificate.verify().holds and attack.certificate.verify().holds and attack.exact
        row = f"{len(words(not pairs.pairs))} | {len(bound.nodes)} | {bound.value:.5f} | {bound.quadrature_gap:.1e}"
        print(f"| {visibility} | {row} | {middle - start:.0f} | {attack.value:.5f} | {end - middle:.0f} |", flush=True)
    print(f"\n{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
