"""Bell expressions known by name, and the three-parameter family that self-tests the singlet.

What may come in: parameters. What is handed on: expressions, members with their closed forms, contours of members.
"""

from __future__ import annotations

from sdpbound.bell.families.contours import contour_at_chsh, singlet_chsh_maximum, theta_at_chsh
from sdpbound.bell.families.correlators import correlators_self_test
from sdpbound.bell.families.expressions import asymmetric_chsh, cglmp, chained, chsh, i3322, mermin, tilted_chsh
from sdpbound.bell.families.formulas import (
    singlet_chsh,
    singlet_coefficients,
    singlet_condition,
    singlet_correlators,
    singlet_local_bound,
    singlet_quantum_bound,
    singlet_strategy_value,
)
from sdpbound.bell.families.singlet import SingletSelfTest

__all__ = [
    "SingletSelfTest",
    "asymmetric_chsh",
    "cglmp",
    "chained",
    "chsh",
    "contour_at_chsh",
    "correlators_self_test",
    "i3322",
    "mermin",
    "singlet_chsh",
    "singlet_chsh_maximum",
    "singlet_coefficients",
    "singlet_condition",
    "singlet_correlators",
    "singlet_local_bound",
    "singlet_quantum_bound",
    "singlet_strategy_value",
    "theta_at_chsh",
    "tilted_chsh",
]
