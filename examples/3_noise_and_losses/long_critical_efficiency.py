r"""
Critical efficiency from both sides
===================================

Down to which detection efficiency does a key survive? A search over states, angles and flips follows the best
strategy downwards; at each end stands a proof: a certified rate, or an attack that leaves this strategy no key. It
takes some minutes, and is not run when the site is built. `What loss and noise allow <../../loss_and_noise.html>`_
has its numbers: key is proven at 0.80 with 2.5e-4 bits, where the published curve (arXiv:2106.13692, Fig. 4) has
8.9e-6, and no strategy with a key was found below 0.7865.
"""

# sphinx_gallery_thumbnail_path = 'lossy_strategies.png'
# %%
import matplotlib.pyplot as plt

import sdpbound as sb

best = sb.critical_strategy(sb.DetectionInefficiency, (0.9, 0.82), starts=4, width=1e-2)
print(best.critical)
print("no start found a key at efficiency", best.nowhere)

# %%
plt.errorbar([0], [best.critical.alive], yerr=[[best.critical.alive - best.critical.dead], [0]], fmt="o")
plt.xticks([])
plt.ylabel("detection efficiency")
