r"""
Key from almost local devices
=============================

Without noise the members of the family yield a perfect key at any CHSH value above 2 (arXiv:2309.09650): Eve's
guess is worth nothing, and errors cost 0.0015 bits here. A tenth of a percent of noise is what decides how close to
2 one may go.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

phi = np.pi / 2 - 0.02
values = [2.01, 2.02, 2.05, 2.1, 2.2, 2.3, 2.4]
for v in (1.0, 0.999, 0.99):
    rates = []
    for s in values:
        theta = sb.theta_at_chsh(s, phi)
        member = sb.SingletSelfTest(theta, phi, theta + np.pi / 2)
        behaviour = member.behaviour() if v == 1.0 else member.behaviour(visibility=v)
        rates.append(sb.key_rate(behaviour, x=0, y=0).value)
    plt.plot(values, rates, "o-", label=f"visibility {v}")
    print(f"v = {v}: key rate {rates[0]:.4f} at S = {values[0]}, {rates[-1]:.4f} at S = {values[-1]}")
plt.axhline(0, color="grey", linewidth=0.8)
plt.ylim(-0.2, 1.05)
plt.xlabel("CHSH value without noise")
plt.ylabel("key rate, bits a round")
plt.legend()
