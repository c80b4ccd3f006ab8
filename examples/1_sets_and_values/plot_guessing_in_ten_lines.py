r"""
Guessing probability in ten lines
=================================

A CHSH value :math:`S` bounds how well Eve can guess Alice's outcome. A quantum Eve reaches
:math:`\tfrac12 + \tfrac12\sqrt{2 - S^2/4}` (arXiv:0911.3427), a no-signaling Eve :math:`\tfrac32 - \tfrac S4`. Both are
computed here as proven upper bounds, and agree with these formulas.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

values = np.linspace(2.0, 2.8284, 25)
data = [sb.Observations.bell_value(sb.chsh(), s) for s in values]
quantum = [sb.guessing_probability(d, sb.Quantum("1+AB"), x=0).value for d in data]
free = [sb.guessing_probability(d, sb.NoSignaling(), x=0).value for d in data]
plt.plot(values, quantum, label="quantum Eve")
plt.plot(values, free, label="no-signaling Eve")
plt.xlabel("CHSH value S")
plt.ylabel("guessing probability")
plt.legend()

# %%
# The published formulas beside it.
published = 1 / 2 + np.sqrt(np.maximum(2 - values**2 / 4, 0)) / 2
print("largest difference, quantum:     ", f"{np.abs(quantum - published).max():.1e}")
print("largest difference, no-signaling:", f"{np.abs(free - (3 / 2 - values / 4)).max():.1e}")
