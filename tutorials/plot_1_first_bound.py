r"""
1. A first bound
================

What can local, quantum and no-signaling devices reach, and how do we know? Ten minutes with one Bell expression.
"""

# %%
# A Bell expression
# -----------------
# A Bell expression is a linear function of the probabilities p(ab|xy). CHSH is built in; a table of correlators makes
# your own.
import numpy as np

import sdpbound as sb

chsh = sb.chsh()
print(chsh)

# %%
# Three sets
# ----------
# ``maximize`` gives a proven upper bound over a set of devices. ``Quantum`` takes a level of the NPA hierarchy: the
# higher, the tighter.
for model in (sb.Local(), sb.Quantum("1"), sb.NoSignaling()):
    print(model, sb.maximize(chsh, model).value)

# %%
# The quantum value is Tsirelson's :math:`2\sqrt2`. A bound knows its side, and how far certifying has moved it.
bound = sb.maximize(chsh, sb.Quantum("1"))
print(bound.side, bound.value - 8**0.5, bound.correction)

# %%
# The other side
# --------------
# An upper bound says nothing about whether devices reach it. A see-saw search over qubits gives explicit ones, a
# lower bound.
value, strategy = sb.see_saw(chsh, 2, rng=0)
print(value, "is reached, and nothing above", bound.value, "can be")

# %%
# The proof
# ---------
# Every bound has a certificate. It is checked in exact arithmetic, and no solver is asked.
print(bound.certificate.verify().message)

# %%
# A sweep, and a picture
# ----------------------
# The family of arXiv:2309.09650 has three angles. Each member has closed forms to compare with.
import matplotlib.pyplot as plt

thetas = np.linspace(0.4, 1.4, 21)
members = [sb.SingletSelfTest(theta, 1.3, theta + np.pi / 2) for theta in thetas]
for model, style in ((sb.NoSignaling(), "-"), (sb.Quantum("1+AB"), "-"), (sb.Local(), "-")):
    plt.plot(thetas, [sb.maximize(m.expression, model).value for m in members], style, label=str(model))
plt.plot(thetas, [m.quantum_bound for m in members], "k.", label="closed form")
plt.xlabel("theta (rad)")
plt.ylabel("largest Bell value")
plt.legend()

# %%
# Next: what Eve knows, in the second lesson. `Using sdpbound <../usage.html>`_ lists what else can be asked.
