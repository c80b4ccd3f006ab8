r"""
Photon pairs of down-conversion
===============================

A real source emits no pair as a rule, one at times and several at others. The largest CHSH value of one mode is
about 2.31 with perfect detectors (2.35 for many modes, arXiv:1405.1939); it is reached with more than one pair a
pulse.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

pulses = sb.family_named("spdc", double="no_click")  # no click, and clicks of both detectors, are outcome 0
angles = {"theta": 0.905, "a0": 0.254, "a1": -0.776, "b0": -0.254, "b1": 0.776}
pairs = np.array([0.05, 0.2, 0.5, 1.0, 1.594, 2.5])
for efficiency in (1.0, 0.95, 0.9):
    values = [pulses.member(pairs=n, **angles, eta_a=efficiency, eta_b=efficiency).chsh for n in pairs]
    plt.plot(pairs, values, "o-", label=f"detection efficiency {efficiency}")
    print(f"efficiency {efficiency}: largest CHSH value {max(values):.4f}")
plt.axhline(2, color="grey", linestyle="--")
plt.xlabel("mean number of pairs a pulse")
plt.ylabel("CHSH value")
plt.legend()
