r"""
Three sets, and what Eve knows
==============================

Left: all behaviours of two settings and two outcomes, seen in the plane of two Bell values. For each direction of
the plane the maximum over a set is a tangent, and the tangents together draw the set. The family that self-tests
the singlet (arXiv:2309.09650) starts at the local set. Right: what an eavesdropper knows of Alice's outcome along
that family.
"""

# %%
# Both axes are CHSH expressions: the second one has its minus sign elsewhere.
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

signs, others = np.array([[1, 1], [1, -1]]), np.array([[1, -1], [1, 1]])
angles = np.linspace(0, np.pi / 2, 19)
edges = {}
for name, model in (("local", sb.Local()), ("quantum", sb.Quantum("1+AB")), ("no-signaling", sb.NoSignaling())):
    tilted = [sb.BellExpression.from_correlators(np.cos(t) * signs + np.sin(t) * others) for t in angles]
    edges[name] = np.array([sb.maximize(expression, model).value for expression in tilted])
print("largest CHSH value:", {name: round(float(values[0]), 6) for name, values in edges.items()})

# %%
# The family from S = 2.005 to 2.5, without noise and with one per cent of white noise.
phi = np.pi / 2 - 0.02
values = np.array([2.005, 2.02, 2.05, 2.1, 2.2, 2.3, 2.4, 2.5])
members = [sb.SingletSelfTest(t, phi, t + np.pi / 2) for t in (sb.theta_at_chsh(s, phi) for s in values)]
clean = [sb.Observations.correlators(member.behaviour()) for member in members]
noisy = [sb.Observations.correlators(member.behaviour(visibility=0.99)) for member in members]
guesses = {
    "no-signaling Eve, no noise": [sb.guessing_probability(data, sb.NoSignaling(), x=0).value for data in clean],
    "quantum Eve, 1 % noise": [sb.guessing_probability(data, sb.Quantum("2"), x=0).value for data in noisy],
    "quantum Eve, no noise": [sb.guessing_probability(data, sb.Quantum("2"), x=0).value for data in clean],
}

# %%
# A point is inside a set if it is below all tangents; by symmetry a quarter of them shows the rest.
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2))
turns = np.linspace(0, 2 * np.pi, 721)
directions = np.concatenate([angles + k * np.pi / 2 for k in range(4)])
cosines = np.cos(turns[:, None] - directions)
for name, colour in (("no-signaling", "#e5e5e5"), ("quantum", "#a6cde8"), ("local", "#3a7cb8")):
    radius = np.min(np.where(cosines > 1e-9, np.tile(edges[name], 4) / np.maximum(cosines, 1e-9), np.inf), axis=1)
    left.fill(radius * np.cos(turns), radius * np.sin(turns), color=colour)
correlators = np.array([member.correlators for member in members])
along = [(correlators * table).sum(axis=(1, 2)) for table in (signs, others)]
left.plot(*along, "o-", color="#d55e00", markersize=3)
left.annotate("the family", (along[0][-1], along[1][-1]), (2.3, -1.6), color="#d55e00", arrowprops={"arrowstyle": "-"})
for text, place, colour in (
    ("local", (-0.45, 0), "white"),
    ("quantum", (-0.6, 2.25), "black"),
    ("no-signaling", (-0.9, 3.0), "black"),
):
    left.text(*place, text, color=colour)
left.set(xlabel="CHSH value", ylabel="second CHSH value", aspect="equal")

for (name, curve), colour in zip(guesses.items(), ("#777777", "#0072b2", "#009e73"), strict=True):
    right.plot(values, curve, "o-", color=colour, label=name)
right.set(xlabel="CHSH value S without noise", ylabel="probability that Eve knows Alice's outcome", ylim=(0.45, 1.02))
right.legend()
