r"""
I3322, level by level
=====================

The NPA hierarchy closes in on the quantum maximum of I3322 from above. Each level is a proven upper bound. The
published values of the levels and the best devices known are those quoted in arXiv:1006.3032.
"""

# %%
import matplotlib.pyplot as plt

import sdpbound as sb

published = {"1": 0.375, "1+AB": 0.2514709, "2": 0.2509398, "3": 0.2508756}
devices = 0.250875384514
computed = {level: sb.maximize(sb.i3322(), sb.Quantum(level)).value for level in published}
for level, value in computed.items():
    print(f"level {level:>4}: published {published[level]:.7f}, computed {value:.10f}")

# %%
# What is left above the best devices.
plt.semilogy(list(computed), [value - devices for value in computed.values()], "o-")
plt.xlabel("level of the hierarchy")
plt.ylabel("certified bound minus best devices known")
