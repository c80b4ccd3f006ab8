r"""
Symmetry is found, not asked for
================================

Relabellings that leave a question unchanged make its program smaller. For the chained expression with N settings
the group has 8 N elements.
"""

# %%
import time

import matplotlib.pyplot as plt

import sdpbound as sb

sb.maximize(sb.chsh(), sb.Quantum("1+AB"))
numbers, fast, slow = [2, 3, 4, 5, 6], [], []
for n in numbers:
    for times, symmetry in ((fast, True), (slow, False)):
        begin = time.perf_counter()
        bound = sb.maximize(sb.chained(n), sb.Quantum("1+AB"), symmetry=symmetry)
        times.append(time.perf_counter() - begin)
        if symmetry:
            print(f"{n} settings: {bound.value:.8f}, group of order {bound.symmetry.order}")

# %%
plt.semilogy(numbers, slow, "s-", label="without symmetry")
plt.semilogy(numbers, fast, "o-", label="with symmetry")
plt.xlabel("settings of each party")
plt.ylabel("seconds")
plt.legend()
