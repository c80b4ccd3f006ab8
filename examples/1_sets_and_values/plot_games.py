r"""
Nonlocal games
==============

A game is a rule and a distribution of questions. Its classical value is counted exactly; its quantum value is
bounded from above by the hierarchy, its no-signaling value by a linear program. "Guess your neighbour's input"
gives nothing to quantum players (arXiv:1003.3844).
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import sdpbound as sb

uniform = np.full((2, 2), 1 / 4)
games = {
    "CHSH": (sb.Game.from_predicate(lambda a, b, x, y: a ^ b == x * y, uniform, name="CHSH"), "1"),
    "FFL": (
        sb.Game.from_predicate(lambda a, b, x, y: (x | a) != (y | b), np.array([[1, 1], [1, 0]]) / 3, name="FFL"),
        "1+AB",
    ),
    "odd cycle": (sb.xor_game([[0, 1, 1], [1, 0, 1], [1, 1, 0]]), "1"),
}
rows = {
    name: (float(game.classical()), game.quantum(level).value, float(game.no_signaling()))
    for name, (game, level) in games.items()
}
for name, row in rows.items():
    print(f"{name:>10}: classical {row[0]:.6f}, quantum {row[1]:.6f}, no-signaling {row[2]:.6f}")

# %%
for i, label in enumerate(("classical", "quantum", "no-signaling")):
    plt.bar(np.arange(len(rows)) + 0.25 * (i - 1), [row[i] for row in rows.values()], 0.25, label=label)
plt.xticks(range(len(rows)), list(rows))
plt.ylabel("probability to win")
plt.ylim(0.0, 1.2)
plt.legend(ncols=3, loc="upper center")
