r"""
2. Eve and key rates
====================

From tested data to what an eavesdropper can know, and from there to bits of key a round.
"""

# %%
# What is tested
# --------------
# Eve may do anything that agrees with what the parties test. A test is a set of values of Bell expressions.
import numpy as np

import sdpbound as sb

member = sb.SingletSelfTest(theta=1.0, phi=1.5, omega=2.6)
behaviour = member.behaviour(visibility=0.98)
one_number = sb.Observations.bell_value(member.expression, behaviour)
correlators = sb.Observations.correlators(behaviour)
everything = sb.Observations.full(behaviour)

# %%
# Her guess
# ---------
# The probability that she guesses Alice's outcome, bounded from above. The more is tested, the less she knows.
for name, data in (("one number", one_number), ("correlators", correlators), ("everything", everything)):
    quantum = sb.guessing_probability(data, sb.Quantum("1+AB"), x=0).value
    free = sb.guessing_probability(data, sb.NoSignaling(), x=0).value
    print(f"{name:>12}: quantum Eve {quantum:.4f}, no-signaling Eve {free:.4f}")

# %%
# Her entropy
# -----------
# Rates need the von Neumann entropy. It is bounded from below by a certificate, and from above by an explicit attack.
below = sb.conditional_entropy(correlators, x=0)
above = sb.conditional_entropy_upper_bound(correlators, x=0)
print(f"{below.value:.5f} <= H(A|X=0,E) <= {above.value:.5f}, method {below.method}")

# %%
# The key
# -------
# A key rate is the entropy less what error correction costs. ``key_rate`` looks for the best pair of settings, if
# none is named.
rate = sb.key_rate(behaviour)
print("rate", round(rate.value, 5), "settings", rate.settings, "error correction", round(rate.error_correction, 5))
print(
    "no analysis of these correlators certifies more than", round(sb.key_rate_upper_bound(behaviour, x=0, y=0).value, 5)
)

# %%
# Noise, in a curve
# -----------------
import matplotlib.pyplot as plt

visibilities = np.linspace(0.93, 0.998, 6)
for label, entropy in (("von Neumann entropy", sb.VonNeumann()), ("min-entropy", sb.MinEntropy())):
    rates = [sb.key_rate(member.behaviour(visibility=v), x=0, y=0, entropy=entropy).value for v in visibilities]
    plt.plot(visibilities, rates, "o-", label=label)
plt.axhline(0, color="grey", linewidth=0.8)
plt.xlabel("visibility")
plt.ylabel("key rate, bits a round")
plt.legend()
