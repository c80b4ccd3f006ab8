"""Draw the pictures of the README and of the pages with proofs: python docs/_ext/pictures.py [NAME ...]

Those of the README are the figures of two examples; those of the proofs are drawn by proofs.py.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import gallery_look
import matplotlib
from proofs import PROOFS

from sdpbound.plotting import style

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[2]
#: Picture of the README, and the example whose figure it is.
PICTURES = {
    "idea": "1_sets_and_values/plot_three_sets.py",
    "first_plot": "2_eve/plot_randomness_in_five_lines.py",
}

if __name__ == "__main__":
    wanted = sys.argv[1:] or [*PICTURES, *PROOFS]
    for name in wanted:
        if name in PROOFS:
            with style():
                PROOFS[name]().savefig(ROOT / "docs" / f"proof_{name}.png", dpi=200, metadata={"Software": None})
            continue
        plt.rcdefaults()
        gallery_look.reset({}, PICTURES[name])
        runpy.run_path(str(ROOT / "examples" / PICTURES[name]))
        plt.savefig(ROOT / "docs" / f"{name}.png", dpi=150, metadata={"Software": None})
        plt.close("all")
