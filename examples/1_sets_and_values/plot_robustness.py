r"""
How much noise makes a behaviour local
======================================

The critical visibility of the CHSH behaviour is :math:`1/\sqrt2`, its local fraction at visibility v is
:math:`\min(1, 2 - v\sqrt2)`: a no-signaling box with CHSH value 4 takes the rest. Both are bounded from both sides.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

best = sb.family_named("chsh").member()
critical = sb.robustness(best.behaviour(), sb.Local())
print(f"critical visibility between {critical.lower:.9f} and {critical.upper:.9f}; 1/sqrt(2) = {0.5**0.5:.9f}")

# %%
visibilities = np.linspace(0.65, 1.0, 8)
fractions = [sb.local_fraction(best.behaviour(visibility=v)).upper for v in visibilities]
plt.plot(visibilities, fractions, "o", label="local fraction, certified")
plt.plot(visibilities, np.minimum(1, 2 - visibilities * 2**0.5), label="formula")
plt.axvline(critical.upper, linestyle="--", color="grey", label="critical visibility")
plt.xlabel("visibility")
plt.ylabel("local fraction")
plt.legend()
