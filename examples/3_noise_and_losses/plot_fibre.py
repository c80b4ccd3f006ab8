r"""
Randomness over a fibre
=======================

A fibre loses light, and what is lost counts as outcome 0. The certified randomness halves within three kilometres,
however good the detectors are; this is why experiments herald their pairs. A herald says that light arrived, and
leaves only its own rate to pay.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

member = sb.family_named("chsh").member()
kilometres = np.array([0.0, 1.0, 2.0, 3.0])
plain = []
for km in kilometres:
    fibre = sb.WhiteNoise(0.99) + sb.FibreLoss(km_a=km / 2, km_b=km / 2, db_per_km=0.2)
    behaviour = member.behaviour(noise=fibre)
    plain.append(sb.randomness_rate(behaviour, "full", local=True, x=0).value)
    herald = sb.Heralded(km / 2, km / 2)
    print(f"{km} km: {plain[-1]:.4f} bits a round; a herald succeeds with probability {herald.success_probability:.4f}")

# %%
plt.plot(kilometres, plain, "o-")
plt.xlabel("length of the fibre, km, with the source in its middle")
plt.ylabel("randomness of Alice's outcome, bits a round")
