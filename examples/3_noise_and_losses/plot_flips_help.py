r"""
Adding noise helps
==================

If Alice flips her key bit now and then, Eve loses more than Bob does (arXiv:2005.13015). At high noise flips turn
no key into key; ``preprocessing="best"`` finds the best flips and proves the rate.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

errors = np.linspace(0.03, 0.05, 5)
plain, best, flips = [], [], []
member = sb.SingletSelfTest(np.pi / 3, np.pi / 2 - 0.02, 5 * np.pi / 6)
for error in errors:
    behaviour = member.behaviour(visibility=1 - 2 * error)
    plain.append(sb.key_rate(behaviour, x=0, y=0).value)
    rate = sb.key_rate(behaviour, x=0, y=0, preprocessing="best")
    best.append(rate.value)
    flips.append(rate.preprocessing)
print("flips:", np.round(flips, 3))

# %%
plt.plot(errors, plain, "o-", label="no flips")
plt.plot(errors, best, "s-", label="best flips")
plt.axhline(0, color="grey", linewidth=0.8)
plt.xlabel("error rate of the noise")
plt.ylabel("key rate, bits a round")
plt.legend()
