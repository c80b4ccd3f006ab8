r"""
Critical efficiency from both sides
===================================

Down to which detection efficiency do given devices yield a key? At ``alive`` a key is proven; at ``dead`` an
explicit attack leaves none. The partially entangled devices are those of arXiv:2106.13692, Fig. 4, for an
efficiency of 0.9026, with angles rounded. Bob keeps the no click of his key setting. Other devices go lower:
key is proven at 0.80 on the page on losses.
"""

# %%
from math import pi

import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

devices = sb.family_named("two_qubit", settings=(2, 3))  # cos(theta) |00> + sin(theta) |11>, an angle for each setting
singlet = devices.member(theta=pi / 4, a0=0, a1=pi / 2, b0=pi / 4, b1=-pi / 4, b2=0)
partial = devices.member(theta=0.475, a0=-0.082, a1=1.465, b0=0.536, b1=-0.945, b2=-0.096)
kept = (True, (True, True, False))
asked = {"x": 0, "y": 2, "tested": (None, (0, 1))}
found = {
    name: sb.critical_efficiency(member.strategy, "full", tolerance=1e-3, binning=kept, **asked)
    for name, member in (("singlet", singlet), ("partially entangled", partial))
}
for name, threshold in found.items():
    print(f"{name:>20}: alive at {threshold.alive:.4f}, dead at {threshold.dead:.4f}")

# %%
# Certified rates around the ends.
efficiencies = np.array([0.84, 0.87, 0.9, 0.93])
for (name, threshold), member in zip(found.items(), (singlet, partial), strict=True):
    losses = [sb.DetectionInefficiency(float(eta), binning=kept) for eta in efficiencies]
    rates = [sb.key_rate(member.behaviour(noise=noise), "full", **asked).value for noise in losses]
    (line,) = plt.plot(efficiencies, rates, "o-", label=name)
    plt.axvspan(threshold.dead, threshold.alive, color=line.get_color(), alpha=0.4)
plt.axhline(0, color="grey", linewidth=0.8)
plt.xlabel("detection efficiency")
plt.ylabel("key rate, bits a round")
plt.legend()
