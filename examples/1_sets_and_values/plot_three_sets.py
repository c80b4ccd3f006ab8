r"""
Local, quantum and no-signaling sets
====================================

All behaviours of two settings and two outcomes, seen in the plane of two Bell values. For each direction of the plane the maximum over
a set is a tangent; the tangents together draw the set. The family that self-tests the singlet (arXiv:2309.09650) lies on the edge of the
quantum set, and may be as close to the local set as one likes.
"""

# %%
# Both axes are CHSH expressions: the second one has its minus sign elsewhere.
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

first = sb.chsh()
second = sb.BellExpression.from_correlators([[1, -1], [1, 1]])
angles = np.linspace(0, np.pi / 2, 19)
edges = {}
for name, model in (("local", sb.Local()), ("quantum", sb.Quantum("1+AB")), ("no-signaling", sb.NoSignaling())):
    support = []
    for angle in angles:
        table = np.cos(angle) * np.array([[1, 1], [1, -1]]) + np.sin(angle) * np.array([[1, -1], [1, 1]])
        support.append(sb.maximize(sb.BellExpression.from_correlators(table), model).value)
    edges[name] = np.array(support)

# %%
# A point is inside a set if it is below all tangents. By symmetry the first quarter shows the rest.
turns = np.linspace(0, 2 * np.pi, 721)
directions = np.concatenate([angles + k * np.pi / 2 for k in range(4)])
fig, ax = plt.subplots(figsize=(5.2, 5.0))
for (name, support), colour in zip(reversed(edges.items()), ("#dddddd", "#9ecae1", "#3182bd"), strict=True):
    heights = np.tile(support, 4)
    cosines = np.cos(turns[:, None] - directions)
    radius = np.min(np.where(cosines > 1e-9, heights / np.maximum(cosines, 1e-9), np.inf), axis=1)
    ax.fill(radius * np.cos(turns), radius * np.sin(turns), color=colour, label=name)

for s in (2.05, 2.2, 2.4, 2.6, 2.8):
    phi = np.pi / 2 - 0.02 if s < 2.5 else 1.3
    theta = sb.theta_at_chsh(s, phi) if s < 2.5 else np.nan
    if np.isfinite(theta):
        member = sb.SingletSelfTest(theta, phi, theta + np.pi / 2)
        c = np.array(member.correlators)
        values = sorted((abs(c.sum() - 2 * c[x, y]) for x in range(2) for y in range(2)), reverse=True)
        ax.plot(values[0], values[1], "o", color="#d55e00", label="family, no noise" if s == 2.05 else None)
ax.set(xlabel="CHSH value", ylabel="second CHSH value", aspect="equal")
ax.legend(loc="lower left")

print("largest CHSH value: local", edges["local"][0], " quantum", round(edges["quantum"][0], 6))
print("                    no-signaling", edges["no-signaling"][0])
