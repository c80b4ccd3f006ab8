r"""
An inequality of your own
=========================

A table of correlators and marginals is all that is needed. Three adversaries give three proven bounds; a see-saw
over qubits gives an explicit strategy from below, and meets the quantum bound.
"""

# %%
import matplotlib.pyplot as plt

import sdpbound as sb

mine = sb.BellExpression.from_correlators([[1, 2], [1, -1]], marginals_a=[0.3, 0], name="mine")
value, strategy = sb.see_saw(mine, 2, rng=0)
bounds = {
    "local": sb.maximize(mine, sb.Local()).value,
    "qubits reach": value,
    "quantum": sb.maximize(mine, sb.Quantum("2")).value,
    "no-signaling": sb.maximize(mine, sb.NoSignaling()).value,
}
for name, number in bounds.items():
    print(f"{name:>13} {number:.9f}")

# %%
plt.barh(list(bounds), list(bounds.values()), color=["#3182bd", "#d55e00", "#9ecae1", "#bbbbbb"])
plt.xlabel("value of the expression")
