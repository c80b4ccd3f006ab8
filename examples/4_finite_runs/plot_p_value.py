r"""
Is it local? A p-value from counts
==================================

Counts of a Bell test with a CHSH value of 2.4. The p-value is an upper bound on the probability that local devices,
with memory, do at least as well. It falls exponentially with the number of rounds.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

rng = np.random.default_rng(1)
n = 4000
x, y, a = (rng.integers(0, 2, n) for _ in range(3))
b = a ^ (rng.random(n) >= (1 + 0.6 * np.where(x * y == 1, -1, 1)) / 2)
rounds = np.array([100, 300, 1000, 2000, 4000])
values = [sb.Counts.from_rounds(x[:m], y[:m], a[:m], b[:m]).local_p_value(sb.chsh()) for m in rounds]
counts = sb.Counts.from_rounds(x, y, a, b)
print(counts.confidence_interval(sb.chsh(), 0.99))
print(counts.no_signaling_test())

# %%
plt.semilogy(rounds, [float(p) for p in values], "o-")
plt.xlabel("rounds")
plt.ylabel("p-value against local devices")
