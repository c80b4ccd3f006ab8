r"""
A random key basis
==================

If Alice's key comes from two of her settings, drawn at random, Eve cannot prepare for one of them. Key then
survives more noise; half of the rounds are sifted out. With one key basis and no flips the end is at 7.15 %
(arXiv:2007.16146); with two there is key at 8 %.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

alice, bob = (0.0, np.pi / 2), (np.pi / 4, -np.pi / 4, 0.0, np.pi / 2)
basis = sb.RandomBasis(((0, 2), (1, 3)))  # Alice's setting, and Bob's that fits
test = "correlators without B2, B3"
errors = np.array([0.04, 0.06, 0.08])
one, two = [], []
for error in errors:
    v = 1 - 2 * error
    behaviour = sb.Behaviour.from_correlators([[v * np.cos(a - b) for b in bob] for a in alice])
    one.append(sb.key_rate(behaviour, test, x=0, y=2).value)
    two.append(sb.key_rate(behaviour, test, postprocessing=basis).value)
print("at 8 % errors: one basis", round(one[-1], 4), " random basis", round(two[-1], 4))

# %%
plt.plot(100 * errors, one, "o-", label="one key basis")
plt.plot(100 * errors, two, "s-", label="two, drawn at random")
plt.axhline(0, color="grey", linewidth=0.8)
plt.xlabel("errors of the key, per cent")
plt.ylabel("key rate, bits a round")
plt.legend()
