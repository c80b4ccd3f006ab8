"""Beside the Brown-Fawzi-Fawzi program as usually written: ``python -m benchmarks.brown_fawzi_fawzi``.

CHSH value 2.4 (winning probability 0.8), H(A|X=0,E), arXiv:2106.13692 with Gauss-Radau nodes: ncpol2sdpa at level 2
with the words ABZ and A0 Z*Z (67 x 67, 803 moments), one program for each node, the last node by its trivial bound,
solved by SDPA through this package's interface. CPU seconds on one core, in one process.
"""

from __future__ import annotations

import math
import time
import warnings

import numpy as np
import scipy.sparse as sp

import sdpbound as sb
from sdpbound.conic.program import LinearMatrixInequality

VALUE = 2.4
EXACT = 0.3461124358  # 1 - h(1/2 + sqrt(2.4^2/4 - 1)/2)


def gauss_radau(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on [0, 1] with a node at 1 (Golub-Welsch, Legendre)."""
    beta = np.array([j * j / (4.0 * j * j - 1.0) for j in range(1, count)])
    before, last = 0.0, 1.0
    for j in range(count - 1):
        before, last = last, last - (beta[j - 1] if j else 0.0) * before
    corner = 1.0 - beta[count - 2] * before / last
    off = np.sqrt(beta)
    matrix = np.diag(np.r_[np.zeros(count - 1), corner]) + np.diag(off, 1) + np.diag(off, -1)
    nodes, vectors = np.linalg.eigh(matrix)
    return (nodes + 1.0) / 2.0, vectors[0] ** 2


class Program:
    """The relaxation, built once; its objective changes from node to node."""

    def __init__(self) -> None:
        from ncpol2sdpa import (
            SdpRelaxation,
            flatten,
            generate_measurements,
            generate_operators,
            projective_measurement_constraints,
        )
        from sympy.physics.quantum.dagger import Dagger

        self.dagger = Dagger
        a, b = generate_measurements([2, 2], "A"), generate_measurements([2, 2], "B")
        self.z = generate_operators("Z", 2, hermitian=0)
        self.first = a[0][0]
        rules = projective_measurement_constraints(a, b)
        for letter in flatten([a, b]):
            for z in self.z:
                rules[z * letter], rules[Dagger(z) * letter] = letter * z, letter * Dagger(z)
        (a0,), (a1,) = a
        (b0,), (b1,) = b
        chsh = 2 + 4 * (a0 * b0 + a0 * b1 + a1 * b0 - a1 * b1) - 4 * a0 - 4 * b0
        words = [p * q * w for p in flatten(a) for q in flatten(b) for z in self.z for w in (z, Dagger(z))]
        words += [a0 * Dagger(z) * z for z in self.z]
        self.relaxation = SdpRelaxation(flatten([a, b, self.z]), verbose=0, normalized=True)
        self.relaxation.get_relaxation(
            2,
            objective=self.objective(0.5),
            substitutions=rules,
            momentinequalities=[chsh - VALUE],  # the entropy rises with the value: as good as an equality
            extramonomials=words,
        )
        sizes = self.relaxation.block_struct
        matrix = self.relaxation.F.tocsc()[:, : self.relaxation.n_vars + 1]
        linear, blocks, start = [], [], 0
        for n in sizes:
            part = matrix[start : start + n * n]
            start += n * n
            columns, rows = np.tril_indices(n)
            (linear if n == 1 else blocks).append(part[rows * n + columns])
        self.matrix = sp.csc_array(sp.vstack(linear + blocks))
        self.linear, self.sizes = len(linear), tuple(n for n in sizes if n > 1)

    def objective(self, t: float) -> object:
        total = 0
        for effect, z in ((self.first, self.z[0]), (1 - self.first, self.z[1])):
            star = self.dagger(z)
            total += effect * (z + star + (1 - t) * star * z) + t * z * star
        return total

    def minimum(self, t: float) -> float:
        self.relaxation.set_objective(self.objective(t))
        cost = -np.array(self.relaxation.obj_facvar, dtype=np.float64)[: self.relaxation.n_vars]
        program = LinearMatrixInequality(
            cost=cost,
            offset=-float(self.relaxation.constant_term),
            matrix=sp.csc_array(self.matrix[:, 1:]),
            constant=self.matrix[:, [0]].toarray().ravel(),
            linear=self.linear,
            sizes=self.sizes,
        )
        return -sb.Sdpa(tolerance=1e-8).solve(program).objective


def main() -> None:
    warnings.simplefilter("ignore")
    start = time.process_time()
    program = Program()
    built = time.process_time() - start
    print(
        f"exact {EXACT:.7f}; ncpol2sdpa: {program.sizes[0]} words, {program.relaxation.n_vars} moments, {built:.2f} s"
    )
    for count in (4, 6, 8):
        nodes, factors = gauss_radau(count)
        start = time.process_time()
        value = sum(
            w / (t * math.log(2.0)) * (1.0 + program.minimum(t)) for t, w in zip(nodes[:-1], factors[:-1], strict=True)
        )
        solved = time.process_time() - start
        print(
            f"Gauss-Radau, {count} nodes: {value:.7f}, {EXACT - value:.1e} below, {built + solved:.2f} s, not certified"
        )
    data = sb.Observations.bell_value(sb.chsh(), VALUE)
    sb.conditional_entropy(sb.Observations.bell_value(sb.chsh(), 2.3), closed_forms=False)  # imports
    for method in (
        sb.VonNeumann("projective", tolerance=2e-3),
        sb.VonNeumann("projective", tolerance=2e-5),
        sb.VonNeumann("gauss-radau", "1+AB+AA+AAB", 4),
        sb.VonNeumann("gauss-radau", "1+AB+AA+AAB", 6),
        sb.VonNeumann("gauss-radau", "1+AB+AA+AAB", 8),
        sb.VonNeumann("qubit", tolerance=1e-3),
        sb.VonNeumann("qubit", tolerance=1e-5),
    ):
        start = time.process_time()
        bound = sb.conditional_entropy(data, method=method, closed_forms=False)
        seconds = time.process_time() - start
        how = f"{len(bound.nodes)} nodes" if bound.nodes else f"tolerance {method.tolerance:g}"
        print(
            f"sdpbound, {method.method}, {how}: {bound.value:.8f}, {EXACT - bound.value:.1e} below, "
            f"{seconds:.2f} s, certified"
        )


if __name__ == "__main__":
    main()
