r"""
3. Noise and attacks
====================

Noise is an object; noises add up in the order in which they happen. Thresholds have two proofs: one that key is
left, one that none is.
"""

# %%
# Noise as an object
# ------------------
import numpy as np

import sdpbound as sb

noise = sb.WhiteNoise(0.99) + sb.Misalignment(0.01, (0.0, -0.02)) + sb.DetectionInefficiency(0.97)
member = sb.SingletSelfTest(np.pi / 3, np.pi / 2 - 0.02, 5 * np.pi / 6)
print(noise.name)
print("key rate", round(sb.key_rate(member.behaviour(noise=noise), x=0, y=0).value, 4))

# %%
# Where the key ends
# ------------------
# At ``alive`` a key is proven. At ``dead`` an explicit attack leaves none. The truth is between them.
found = sb.critical_visibility(member, x=0, y=0)
print(found)

# %%
# What the attack is
# ------------------
# Eve mixes a few strategies, each with its own state and measurements. Together they have exactly the tested
# correlators.
data = sb.Observations.correlators(member.behaviour(visibility=0.95))
attack = sb.conditional_entropy_upper_bound(data, x=0)
print("weights", np.round([float(w) for w in attack.weights], 4))
print("tested values are met exactly:", attack.exact)

# %%
# Flips
# -----
# If Alice flips her bit now and then, Eve loses more than Bob. The best flips are searched, and the rate is proven at
# the end.
behaviour = member.behaviour(visibility=0.9)
plain, best = sb.key_rate(behaviour, x=0, y=0), sb.best_preprocessing(behaviour, x=0, y=0)
print(f"without flips {plain.value:.4f}; with flips of {best.preprocessing:.2f}: {best.value:.4f}")

# %%
# Both sides in a picture
# -----------------------
import matplotlib.pyplot as plt

visibilities = np.linspace(0.89, 0.96, 4)
lower = [sb.key_rate(member.behaviour(visibility=v), x=0, y=0).value for v in visibilities]
upper = [sb.key_rate_upper_bound(member.behaviour(visibility=v), x=0, y=0).value for v in visibilities]
plt.plot(visibilities, lower, label="certified")
plt.plot(visibilities, upper, "o", mfc="none", label="explicit attack")
plt.axvspan(found.dead, found.alive, color="grey", alpha=0.5, label="threshold, between both proofs")
plt.axhline(0, color="grey", linewidth=0.8)
plt.xlabel("visibility")
plt.ylabel("key rate, bits a round")
plt.legend()
