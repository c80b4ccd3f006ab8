r"""
A certificate, and a forged one
===============================

Each bound has a certificate. ``verify`` recomputes the bound from it in exact arithmetic, without any solver. A
claim that is better than what the certificate proves does not hold.
"""

# %%
import json

import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

data = sb.Observations.bell_value(sb.chsh(), 2.4)
bound = sb.guessing_probability(data, sb.Quantum("1+AB"), x=0)
certificate = json.loads(bound.certificate.to_json())  # or a file, with to_json("guess.json")
print(sb.verify(certificate).message)

# %%
# The same certificate with other claims.
shifts = np.array([-3e-2, -1e-2, -1e-4, 0.0, 1e-4, 1e-2, 3e-2])
holds = []
for shift in shifts:
    certificate["claim"]["value"] = bound.value + shift
    holds.append(sb.verify(certificate, strict=False).holds)
print(dict(zip(shifts.tolist(), holds, strict=True)))

plt.plot(bound.value + shifts, holds, "o")
plt.axvline(bound.value, color="grey", linestyle="--", label="proven bound")
plt.yticks([0, 1], ["refused", "holds"])
plt.xlabel("claimed upper bound on the guessing probability")
plt.legend()
