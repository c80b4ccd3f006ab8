r"""
What is tested decides the key
==============================

The same noisy devices, three tests: one Bell value, the four correlators, or everything. Close to the local
boundary one Bell value proves nothing, and the correlators prove nearly all that can be proven.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

phi = np.pi / 2 - 0.02
theta = sb.theta_at_chsh(2.3, phi)
member = sb.SingletSelfTest(theta, phi, theta + np.pi / 2)
visibilities = np.linspace(0.96, 0.999, 4)
rates = {"Bell value": [], "correlators": [], "everything": []}
for v in visibilities:
    behaviour = member.behaviour(visibility=v)
    value = sb.Observations.bell_value(member.expression, behaviour)
    rates["Bell value"].append(sb.key_rate(behaviour, value, x=0, y=0).value)
    rates["correlators"].append(sb.key_rate(behaviour, "correlators", x=0, y=0).value)
    rates["everything"].append(sb.key_rate(behaviour, "full", x=0, y=0).value)

# %%
for (name, curve), mark in zip(rates.items(), ("-", "-", "o"), strict=True):
    plt.plot(visibilities, curve, mark, label=name)
plt.axhline(0, color="grey", linewidth=0.8)
plt.xlabel("visibility")
plt.ylabel("key rate, bits a round")
plt.legend()
