r"""
Random bits from counts
=======================

A protocol is fixed before the run. The run passes its test or not; if it passes, its outcomes are hashed to the
certified length. Longer runs give more bits a round.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

honest = sb.Behaviour.from_correlators([[0.66, 0.66], [0.66, -0.66]])  # what the devices promise
data = sb.Observations.bell_value(sb.chsh(), honest)


def run(n, rng, gamma=0.39):
    """Counts of n rounds of such devices; a fraction gamma of the rounds are tests."""
    tests = rng.random(n) < gamma
    x, y = (np.where(tests, rng.integers(0, 2, n), 0) for _ in "xy")
    a = rng.integers(0, 2, n)
    b = a ^ (rng.random(n) >= (1 + 0.66 * np.where(x * y == 1, -1, 1)) / 2)
    return sb.Counts.from_rounds(x, y, a, b, tests.astype(int))


rng = np.random.default_rng(1)
numbers, lengths = [100_000, 200_000, 400_000], []
for n in numbers:
    length = sb.finite_randomness_length(honest, n, observed=data, test_probability=0.39)
    certified = sb.certify(run(n, rng), sb.FixedProtocol(length))
    lengths.append(certified.length)
    print(f"{n} rounds: {'passed' if certified.accepted else 'aborted'}, {certified.length} bits")

# %%
plt.plot(numbers, lengths, "o-")
plt.xlabel("rounds")
plt.ylabel("certified bits")
