r"""
An entropy from both sides
==========================

Below: a certified bound from the qubit reduction. Above: an explicit attack, a mixture of strategies that has
exactly the tested data. The two differ by less than a thousandth of a bit; all four correlators of a noisy member
of the family are tested.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

member = sb.SingletSelfTest(theta=1.0, phi=1.5, omega=2.6)
visibilities = np.linspace(0.85, 0.995, 5)
lower, upper = [], []
for v in visibilities:
    data = sb.Observations.correlators(member.behaviour(visibility=v))
    lower.append(sb.conditional_entropy(data, x=0).value)
    upper.append(sb.conditional_entropy_upper_bound(data, x=0).value)
gaps = np.array(upper) - np.array(lower)
print(f"attack minus bound: at most {gaps.max():.1e} bits")

# %%
fig, (top, bottom) = plt.subplots(2, sharex=True, height_ratios=(2, 1))
top.plot(visibilities, lower, label="certified from below")
top.plot(visibilities, upper, "o", mfc="none", label="explicit attack")
top.set_ylabel("H(A|X=0,E), bits")
top.legend()
bottom.semilogy(visibilities, np.maximum(gaps, 1e-12), "o-")
bottom.set(xlabel="visibility", ylabel="difference")
