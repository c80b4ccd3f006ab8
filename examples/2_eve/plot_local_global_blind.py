r"""
Whose randomness
================

Randomness of Alice's outcome, of both outcomes, and of Alice's outcome against Eve and Bob together. All are
certified lower bounds from the same correlators.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

member = sb.family_named("chsh").member()
visibilities = np.linspace(0.75, 0.999, 5)
curves = {"both outcomes": [], "Alice's outcome": [], "Alice's, against Eve and Bob (min-entropy)": []}
for v in visibilities:
    behaviour = member.behaviour(visibility=v)
    data = sb.Observations.correlators(behaviour)
    both, alone, blind = curves.values()
    both.append(sb.randomness_rate(behaviour, x=0, y=0).value)
    alone.append(sb.randomness_rate(behaviour, local=True, x=0).value)
    guess = sb.blind_guessing_probability(data, sb.Quantum("2"), x=0, y=0).value
    blind.append(-np.log2(guess))

# %%
for name, curve in curves.items():
    plt.plot(visibilities, curve, "o-", label=name)
plt.xlabel("visibility")
plt.ylabel("bits a round")
plt.legend()
