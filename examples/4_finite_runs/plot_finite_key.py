r"""
Key from finitely many rounds
=============================

Proven bits a round against all quantum attacks, by entropy accumulation (arXiv:1607.01796, arXiv:1805.11652), at
soundness 1e-10. With more rounds the rate rises towards its asymptotic value.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

behaviour = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(visibility=0.99)
bound = sb.conditional_entropy(sb.Observations.correlators(behaviour))
rounds = np.logspace(6, 11, 6)
keys = sb.finite_key_length(behaviour, rounds, entropies=[bound])
for n, key in zip(rounds, keys, strict=True):
    print(f"{n:.0e} rounds: {key.length:.4g} bits")

# %%
plt.semilogx(rounds, [key.rate for key in keys], "o-", label="finitely many rounds")
plt.axhline(sb.key_rate(behaviour, x=0, y=0).value, linestyle="--", color="grey", label="asymptotic")
plt.xlabel("rounds")
plt.ylabel("key, bits a round")
plt.legend()
