r"""
The test must fit the noise
===========================

Which Bell expression of the family proves most from given noisy data? It is not the one that the ideal devices
maximise.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

member = sb.SingletSelfTest(np.pi / 3, np.pi / 2 - 0.02, 5 * np.pi / 6)
visibilities = np.linspace(0.94, 0.99, 4)
own, best, all_four = [], [], []
for v in visibilities:
    behaviour = member.behaviour(visibility=v)
    value = sb.Observations.bell_value(member.expression, behaviour)
    own.append(sb.key_rate(behaviour, value, x=0, y=0).value)
    best.append(sb.best_test(behaviour, x=0, y=0).rate.value)
    all_four.append(sb.key_rate(behaviour, x=0, y=0).value)

# %%
plt.plot(visibilities, all_four, "-", label="all four correlators")
plt.plot(visibilities, best, "o", label="best expression of the family")
plt.plot(visibilities, own, "s--", label="the devices' own expression")
plt.axhline(0, color="grey", linewidth=0.8)
plt.xlabel("visibility")
plt.ylabel("key rate, bits a round")
plt.legend()
