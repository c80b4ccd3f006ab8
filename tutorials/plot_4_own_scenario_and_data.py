r"""
4. Your own scenario and data
=============================

Any numbers of parties, settings and outcomes; behaviours from tables, correlators, states or counts.
"""

# %%
# An inequality from a table
# --------------------------
# A Collins-Gisin table: 1 and Bob's marginals in the first row, Alice's in the first column, p(00|xy) in the rest.
# This is I3322.
import numpy as np

import sdpbound as sb

table = [[0, -1, 0, 0], [-2, 1, 1, 1], [-1, 1, 1, -1], [0, 1, -1, 0]]
mine = sb.BellExpression.from_collins_gisin(table)
print("local", sb.maximize(mine, sb.Local()).value)
print("quantum at most", sb.maximize(mine, sb.Quantum("2")).value)
print("qubits reach", sb.see_saw(mine, 2, rng=0)[0])

# %%
# A behaviour from an array
# -------------------------
# ``p[a, b, x, y]``. It is checked: non-negative, normalised, no-signaling. Mistakes are answered with a sentence.
p = np.full((2, 2, 2, 2), 0.25)
p[0, 0, 1, 1] = 0.35
try:
    sb.Behaviour(p)
except sb.InvalidBehaviour as answer:
    print(answer)

# %%
# A behaviour from devices
# ------------------------
# A state and measurements make a strategy, and the strategy a behaviour: here qubits that are not maximally entangled.
angle = 0.6
state = np.array([np.cos(angle), 0, 0, np.sin(angle)])
z, x = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
bob = [np.cos(t) * z + np.sin(t) * x for t in (0.7, -0.7)]
devices = sb.Strategy.from_observables(np.outer(state, state), [z, x], bob)
print("CHSH value", round(sb.chsh()(devices.behaviour()), 4))
rate = sb.randomness_rate(devices.behaviour(noise=sb.DetectionInefficiency(0.95)), "full", local=True, x=0)
print("randomness of Alice's outcome with detectors of 95 %:", round(rate.value, 4), "bits")

# %%
# A behaviour from counts
# -----------------------
# Frequencies signal a little, as all frequencies do. ``Counts`` finds the likeliest behaviour that does not.
rng = np.random.default_rng(0)
n = np.array([rng.multinomial(5000, devices.behaviour().p[:, :, x, y].ravel()) for x, y in np.ndindex(2, 2)])
counts = sb.Counts.from_table(n.reshape(2, 2, 2, 2).transpose(2, 3, 0, 1))
print("CHSH value of the counts", round(sb.chsh()(counts.behaviour()), 4))

# %%
# Three parties
# -------------
data = sb.Observations.bell_value(sb.mermin(), 3.9)
guess = sb.guessing_probability(data, sb.Quantum("1+AB+AC+BC"), settings=(0, None, None))
print("Eve guesses Alice's outcome with probability at most", round(guess.value, 5))

# %%
# How marginals help
# ------------------
# For states that are not maximally entangled the marginals matter: correlators alone certify less than everything does.
import matplotlib.pyplot as plt

names = ["CHSH value", "correlators", "everything"]
b = devices.behaviour(noise=sb.WhiteNoise(0.98))
tests = [sb.Observations.bell_value(sb.chsh(), b), sb.Observations.correlators(b), sb.Observations.full(b)]
plt.bar(names, [sb.conditional_entropy(test, x=0).value for test in tests])
plt.ylabel("H(A|X=0,E), bits, certified")
