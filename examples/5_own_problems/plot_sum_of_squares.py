r"""
Tsirelson's bound as a sum of squares
=====================================

Operators with names, rules and an objective make a problem. The proof is an exact identity: the bound minus the
objective is a sum of squares.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

from sdpbound import Operator, Problem

A0, A1 = Operator.observables("A0 A1", party="A")
B0, B1 = Operator.observables("B0 B1", party="B")
problem = Problem([A0, A1, B0, B1])
bound = problem.maximize(A0 * B0 + A0 * B1 + A1 * B0 - A1 * B1, "1")
print(f"published {8**0.5:.9f}, computed {bound.value:.9f}")
print(bound.squares)

# %%
# The moment matrix that the solver found.
image = plt.imshow(np.asarray(bound.moment_matrix, dtype=float), cmap="RdBu", vmin=-1, vmax=1)
words = [str(word) for word in bound.words]
plt.xticks(range(len(words)), words)
plt.yticks(range(len(words)), words)
plt.colorbar(image, label="moment")
