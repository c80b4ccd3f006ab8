r"""
The energy of a spin ring, from below
=====================================

A variational state gives an upper bound on a ground-state energy; moment matrices give a lower one. Here are rings
of Heisenberg spins, next to their exact energies by diagonalisation.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

from sdpbound import Problem
from sdpbound.problems import spins


def exact(n):
    """The least eigenvalue of the sum of XX + YY + ZZ over the bonds of a ring of n spins."""
    paulis = [np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])]
    total = 0
    for site in range(n):
        for pauli in paulis:
            factors = [np.eye(2)] * n
            factors[site] = factors[(site + 1) % n] = pauli
            product = factors[0]
            for factor in factors[1:]:
                product = np.kron(product, factor)
            total = total + product
    return np.linalg.eigvalsh(total)[0]


sizes = [3, 4, 5]
below = []
for n in sizes:
    i, sites, rules = spins(n)
    letters = [letter for site in sites for letter in site]
    bonds = [(sites[k], sites[(k + 1) % n]) for k in range(n)]
    energy = sum(one * two for left, right in bonds for one, two in zip(left, right, strict=True))
    below.append(Problem([i, *letters], rules=rules).minimize(energy, 2).value)
    print(f"{n} spins: exact {exact(n):.6f}, certified from below {below[-1]:.6f}")

# %%
plt.plot(sizes, [exact(n) / n for n in sizes], "o", label="exact")
plt.plot(
    sizes,
    [value / n for n, value in zip(sizes, below, strict=True)],
    "s",
    mfc="none",
    markersize=11,
    label="certified lower bound, level 2",
)
plt.xticks(sizes)
plt.xlabel("spins")
plt.ylabel("energy a spin")
plt.legend()
