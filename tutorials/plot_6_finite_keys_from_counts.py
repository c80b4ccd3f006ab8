r"""
6. Finite keys from counts
==========================

An experiment ends with counts. What they prove depends on a protocol that was fixed before: its test, its number of
rounds, its security.
"""

# %%
# Before the run
# --------------
# What the devices promise. From this follows how long a key n rounds give, and which test they must pass.
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

honest = sb.Behaviour.from_correlators([[0.66, 0.66], [0.66, -0.66]])
n, gamma = 400_000, 0.39
data = sb.Observations.bell_value(sb.chsh(), honest)
length = sb.finite_randomness_length(honest, n, observed=data, test_probability=gamma)
protocol = sb.FixedProtocol(length)
print(f"{length.length:.0f} bits are proven for a run that passes")

# %%
# The run
# -------
# A simulation stands for the experiment. Real rounds come from a file: ``Counts.from_csv("rounds.csv")``.
rng = np.random.default_rng(1)
tests = rng.random(n) < gamma
x, y = (np.where(tests, rng.integers(0, 2, n), 0) for _ in "xy")
a = rng.integers(0, 2, n)
b = a ^ (rng.random(n) >= (1 + 0.66 * np.where(x * y == 1, -1, 1)) / 2)
counts = sb.Counts.from_rounds(x, y, a, b, tests.astype(int))

# %%
# Are the counts in order?
# ------------------------
print(counts.no_signaling_test())
print(counts.local_p_value(sb.chsh()))
print(counts.confidence_interval(sb.chsh(), 0.99))

# %%
# The certified bits
# ------------------
certified = sb.certify(counts, protocol)
print(certified.accepted, certified.length)
output = sb.extract(counts, protocol)
print("first bits:", "".join(map(str, output.bits[:40])))

# %%
# How many rounds a key takes
# ---------------------------
# The same for a key, of a member of the family: the fewest rounds for one bit, and the rate above it.
behaviour = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(visibility=0.99)
bound = sb.conditional_entropy(sb.Observations.correlators(behaviour))
print(f"a key from {sb.minimum_rounds(behaviour, entropies=[bound]):.3g} rounds on")
rounds = [3e6, 1e7, 1e8, 1e9, 1e10]
plt.semilogx(rounds, [key.rate for key in sb.finite_key_length(behaviour, rounds, entropies=[bound])], "o-")
plt.xlabel("rounds")
plt.ylabel("key, bits a round")
