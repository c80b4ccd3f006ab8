r"""
A protocol, run from end to end
===============================

Key agreement against an adversary who is limited by no-signaling alone (arXiv:quant-ph/0606049), simulated with
seven settings a party. It ends with two equal keys or an abort, and charges every bit that was sent.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

from sdpbound.protocols import braunstein_caves

run = braunstein_caves.simulate(braunstein_caves.behaviour(0.0, 7), 400_000)
print(f"keys agree: {run.keys_agree}, {run.length} bits, {run.transcript.size} bits were sent")

# %%
# The proven rate for the best number of settings.
noise = np.linspace(0, 0.02, 21)
plt.plot(100 * noise, braunstein_caves.key_rate(noise))
plt.axhline(0, color="grey", linewidth=0.8)
plt.xlabel("noise, per cent")
plt.ylabel("key, bits a pair")
