"""How figures of the gallery look: colours that all readers can tell apart, of one size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt


def reset(gallery_conf: dict[str, Any], fname: str | Path) -> None:
    """Set the look before an example runs; sphinx-gallery has reset matplotlib to its own."""
    colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"]
    plt.rcParams.update(
        {
            "axes.prop_cycle": plt.cycler(color=colours),
            "figure.figsize": (6.0, 4.0),
            "figure.constrained_layout.use": True,
        }
    )
