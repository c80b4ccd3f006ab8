r"""
A routed Bell test
==================

Bob's system goes to a near device or to a far one, as a switch says. The near device certifies Alice's, and key
then survives losses of the far one down to an efficiency of one half (arXiv:2404.01202). For BB84 settings and no
other noise the rate is :math:`2\eta - 1`.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb
from sdpbound import routed

efficiencies = np.array([0.51, 0.7, 0.9])
rates = []
for eta in efficiencies:
    losses = sb.DetectionInefficiency(1.0, eta, binning=(True, False))
    test = routed.protocol("bb84", far=losses)
    rates.append(routed.key_rate(test, x=0, z=0, level="1+AN+AF+AA+AAF", nodes=2).value)
    print(f"efficiency {eta}: published {2 * eta - 1:.4f}, certified {rates[-1]:.4f}")

# %%
# Where the key ends, coarsely: proven alive above, and dead by an explicit attack below.
print(routed.critical_efficiency("bb84", tolerance=0.2, nodes=2))

# %%
plt.plot(efficiencies, rates, "o", label="certified")
plt.plot([0.5, 1.0], [0.0, 1.0], label="2 eta - 1")
plt.xlabel("efficiency of the far device")
plt.ylabel("key rate, bits a round")
plt.legend()
