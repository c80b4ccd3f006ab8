r"""
Chained inequalities
====================

With N settings a party the chained expression reaches :math:`2N\cos(\pi/2N)` by quantum devices, :math:`2N - 2` by
local ones and :math:`2N` by no-signaling ones. The more settings, the less a no-signaling Eve can know about the
outcome of a perfect singlet.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

numbers = np.arange(2, 9)
quantum = np.array([sb.maximize(sb.chained(int(n)), sb.Quantum("1+AB")).value for n in numbers])
published = 2 * numbers * np.cos(np.pi / (2 * numbers))
print("largest distance to the formula:", f"{np.abs(quantum - published).max():.1e}")

guesses = [
    sb.guessing_probability(sb.Observations.bell_value(sb.chained(int(n)), value), sb.NoSignaling(), x=0).value
    for n, value in zip(numbers, published, strict=True)
]

# %%
plt.plot(numbers, guesses, "o-")
plt.xlabel("settings of each party")
plt.ylabel("guessing probability, no-signaling Eve")
plt.ylim(0.5, 0.85)
