r"""
Quantum or no-signaling Eve
===========================

The key rates of the same devices if Eve is quantum, and if only no-signaling limits her. ``compare`` says what
proves each number.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb
from sdpbound.protocols import compare

print(compare(sb.SingletSelfTest(theta=1.0, phi=1.5, omega=2.5).behaviour(0.99)))

# %%
member = sb.family_named("chsh").member()
visibilities = np.linspace(0.85, 0.999, 8)
for label, entropy in (
    ("quantum Eve", sb.VonNeumann()),
    ("quantum Eve, min-entropy", sb.MinEntropy(sb.Quantum("1+AB"))),
    ("no-signaling Eve, individual attacks", sb.MinEntropy(sb.NoSignaling())),
):
    entropies = [
        sb.randomness_rate(member.behaviour(visibility=v), local=True, x=0, entropy=entropy).value for v in visibilities
    ]
    plt.plot(visibilities, entropies, "o-", label=label)
plt.xlabel("visibility")
plt.ylabel("entropy of Alice's outcome, bits")
plt.legend()
