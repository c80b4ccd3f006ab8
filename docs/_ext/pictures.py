"""Draw the pictures of the README from the examples that make them: python docs/_ext/pictures.py"""

from __future__ import annotations

import runpy
from pathlib import Path

import gallery_look
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[2]
#: Picture of the README, and the example whose figure it is.
PICTURES = {
    "idea": "1_sets_and_values/plot_three_sets.py",
    "first_plot": "2_eve/plot_randomness_in_five_lines.py",
}

if __name__ == "__main__":
    for name, example in PICTURES.items():
        plt.rcdefaults()
        gallery_look.reset({}, example)
        runpy.run_path(str(ROOT / "examples" / example))
        plt.savefig(ROOT / "docs" / f"{name}.png", dpi=150, metadata={"Software": None})
        plt.close("all")
