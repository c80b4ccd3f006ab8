r"""
One proof, many points
======================

The dual of one solved point is an affine function that bounds the entropy of *every* quantum behaviour: a
min-tradeoff function. Here the proofs at three visibilities bound the whole curve.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

member = sb.SingletSelfTest(theta=1.0, phi=1.5, omega=2.6)
bounds = {
    v: sb.conditional_entropy(sb.Observations.correlators(member.behaviour(visibility=v)), x=0)
    for v in (0.90, 0.95, 0.99)
}
visibilities = np.linspace(0.85, 1.0, 31)
for v, bound in bounds.items():
    (line,) = plt.plot(
        visibilities,
        [bound.functional(member.behaviour(visibility=w)) for w in visibilities],
        label=f"proof at v = {v}",
    )
    plt.plot(v, bound.value, "o", color=line.get_color())
plt.ylim(0, 1)
plt.xlabel("visibility")
plt.ylabel("lower bound on H(A|X=0,E)")
plt.legend()
