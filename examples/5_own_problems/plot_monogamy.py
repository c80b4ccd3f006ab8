r"""
Monogamy of CHSH
================

Alice tests CHSH with Bob and with Charlie. If theirs are different systems the two values lie in a circle,
:math:`S_B^2 + S_C^2 \le 8` (quant-ph/0611001). Each point is a maximum with the other value fixed.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

from sdpbound import Operator, Problem

A0, A1 = Operator.observables("A0 A1", party="A")
near, far = Operator.observables("B0 B1", party="B"), Operator.observables("C0 C1", party="C")
bob, charlie = (A0 * (o[0] + o[1]) + A1 * (o[0] - o[1]) for o in (near, far))
values = np.linspace(0, 2.8, 8)
most = [
    Problem([A0, A1, *near, *far], moments=[(bob, float(s), None)]).maximize(charlie, "1+AB+AC+BC").value
    for s in values
]
published = np.sqrt(8 - values**2)
print(f"largest distance to the circle: {np.abs(most - published).max():.1e}")

# %%
plt.plot(values, most, "o", label="certified maximum")
plt.plot(values, published, label="circle")
plt.xlabel("CHSH value of Alice and Bob, at least")
plt.ylabel("CHSH value of Alice and Charlie")
plt.legend()
