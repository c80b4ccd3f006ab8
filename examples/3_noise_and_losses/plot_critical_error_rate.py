r"""
Where a key ends, from both sides
=================================

How much depolarising noise a key survives. ``alive`` is an error rate at which key is proven; at ``dead`` an
explicit attack leaves none. The published values are those of arXiv:2007.16146 (7.15 % for the CHSH value, 7.42 %
for asymmetric CHSH) and of a public code (8.084 % for CHSH with flips of nearly one half).
"""

# %%
import matplotlib.pyplot as plt

import sdpbound as sb

cases = {
    "CHSH": (7.15, sb.critical_error_rate(sb.chsh())),
    "asymmetric CHSH": (7.42, sb.critical_error_rate(sb.asymmetric_chsh)),
    "CHSH, flips": (8.084, sb.critical_error_rate(sb.chsh(), preprocessing="best")),
}
for name, (published, found) in cases.items():
    print(f"{name:>16}: published {published} %, alive at {100 * found.alive:.4f} %, dead at {100 * found.dead:.4f} %")

# %%
names = list(cases)
plt.plot([100 * found.alive for _, found in cases.values()], names, "o", markerfacecolor="none", label="key proven")
plt.plot([100 * found.dead for _, found in cases.values()], names, "x", label="an attack leaves none")
plt.plot([published for published, _ in cases.values()], names, "k|", markersize=12, label="published")
plt.ylim(-0.5, 2.5)
plt.xlabel("error rate of the key, per cent")
plt.legend(loc="lower right")
