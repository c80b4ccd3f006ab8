r"""
Three parties
=============

Mermin's expression for three parties: local devices reach 2, GHZ states reach 4. The higher its value, the less Eve
knows about the outcomes of one party, or of two.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

values = np.linspace(2.0, 4.0, 5)
level = sb.Quantum("1+AB+AC+BC")
one, two = [], []
for value in values:
    data = sb.Observations.bell_value(sb.mermin(), value)
    one.append(sb.guessing_probability(data, level, settings=(0, None, None)).value)
    two.append(sb.guessing_probability(data, level, settings=(0, 0, None)).value)
print(f"at the maximum: one party {one[-1]:.5f}, two parties {two[-1]:.5f}")

# %%
plt.plot(values, one, "o-", label="one party's outcome")
plt.plot(values, two, "s-", label="outcomes of two parties")
plt.xlabel("Mermin value")
plt.ylabel("guessing probability, upper bound")
plt.legend()
