r"""
Tilted CHSH against its formula
===============================

The quantum maximum of :math:`\beta \langle A_0 \rangle` + CHSH is :math:`\sqrt{8 + 2\beta^2}` (arXiv:1107.2754), its
local maximum :math:`2 + \beta`. They meet at :math:`\beta = 2`.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

betas = np.linspace(0, 2, 11)
quantum = np.array([sb.maximize(sb.tilted_chsh(beta), sb.Quantum("1+AB")).value for beta in betas])
local = np.array([sb.maximize(sb.tilted_chsh(beta), sb.Local()).value for beta in betas])
published = np.sqrt(8 + 2 * betas**2)
print(f"certified minus published: from {(quantum - published).min():.1e} to {(quantum - published).max():.1e}")

# %%
plt.plot(betas, quantum, "o", label="certified quantum bound")
plt.plot(betas, published, label="published formula")
plt.plot(betas, local, "--", label="local bound")
plt.xlabel("beta")
plt.ylabel("value")
plt.legend()
