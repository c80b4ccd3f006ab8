r"""
More outcomes: CGLMP
====================

With d outcomes the violation grows, and the best state is not the maximally entangled one. Level 1+AB gives the
exact maxima, which arXiv:2112.10803 has in closed form for d = 3 and to five digits for d = 4.
"""

# %%
import matplotlib.pyplot as plt

import sdpbound as sb

published = {2: 8**0.5, 3: 1 + (11 / 3) ** 0.5, 4: 2.9727}
computed = {d: sb.maximize(sb.cglmp(d), sb.Quantum("1+AB")).value for d in published}
for d, value in computed.items():
    print(f"d = {d}: published {published[d]:.6f}, computed {value:.6f}")

# %%
plt.plot(list(computed), list(computed.values()), "o", label="certified quantum bound")
plt.plot(list(published), list(published.values()), "_", markersize=18, label="published")
plt.axhline(2, linestyle="--", color="grey", label="local bound")
plt.xticks(list(published))
plt.xlabel("outcomes d")
plt.ylabel("CGLMP value")
plt.legend()
