r"""
CHSH randomness in five lines
=============================

Bits of randomness of Alice's outcome against a quantum Eve, from a CHSH value alone. The von Neumann entropy is a
closed form (arXiv:0903.4460), :math:`1 - h(\tfrac12 + \tfrac12\sqrt{S^2/4 - 1})`; the min-entropy lies below it.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

values = np.linspace(2.0, 2.8284, 30)
data = [sb.Observations.bell_value(sb.chsh(), s) for s in values]
plt.plot(values, [sb.conditional_entropy(d).value for d in data], label="von Neumann entropy")
plt.plot(values, [sb.min_entropy(d, sb.Quantum("1+AB")).value for d in data], label="min-entropy")
plt.xlabel("CHSH value S")
plt.ylabel("bits")
plt.legend()
