"""Bell expressions known by name, and families of devices with named axes; the first self-tests the singlet.

What may come in: parameters. What is handed on: expressions, members with their closed forms, contours of members.
A family is a file here and a line of the table FAMILIES.
"""

from __future__ import annotations

from sdpbound.bell.families.behaviour_table import BehaviourTable, read_behaviours
from sdpbound.bell.families.bipartite import chsh_d, elegant, hardy, i4422, inn22, magic_square
from sdpbound.bell.families.cglmp_family import Cglmp
from sdpbound.bell.families.chained_family import Chained
from sdpbound.bell.families.chsh_families import AsymmetricChsh, Chsh, TiltedChsh
from sdpbound.bell.families.contours import contour_at_chsh, singlet_chsh_maximum, theta_at_chsh
from sdpbound.bell.families.correlators import correlators_self_test
from sdpbound.bell.families.expressions import (
    EXPRESSIONS,
    asymmetric_chsh,
    cglmp,
    chained,
    chsh,
    expression_named,
    i3322,
    mermin,
    tilted_chsh,
)
from sdpbound.bell.families.family import Axis, Family, Member, looks_like_degrees, require_radians
from sdpbound.bell.families.formulas import (
    singlet_chsh,
    singlet_coefficients,
    singlet_condition,
    singlet_correlators,
    singlet_local_bound,
    singlet_quantum_bound,
    singlet_strategy_value,
)
from sdpbound.bell.families.ghz_families import Ghz, W
from sdpbound.bell.families.lists import avis, sliwa
from sdpbound.bell.families.multipartite import gyni, holz, mabk, parity_chsh, svetlichny
from sdpbound.bell.families.see_saw_family import SeeSaw
from sdpbound.bell.families.singlet import SingletSelfTest
from sdpbound.bell.families.singlet_family import Singlet
from sdpbound.bell.families.table import FAMILIES, family_named
from sdpbound.bell.families.two_qubit import TwoQubit

__all__ = [
    "EXPRESSIONS",
    "FAMILIES",
    "AsymmetricChsh",
    "Axis",
    "BehaviourTable",
    "Cglmp",
    "Chained",
    "Chsh",
    "Family",
    "Ghz",
    "Member",
    "SeeSaw",
    "Singlet",
    "SingletSelfTest",
    "TiltedChsh",
    "TwoQubit",
    "W",
    "asymmetric_chsh",
    "avis",
    "cglmp",
    "chained",
    "chsh",
    "chsh_d",
    "contour_at_chsh",
    "correlators_self_test",
    "elegant",
    "expression_named",
    "family_named",
    "gyni",
    "hardy",
    "holz",
    "i3322",
    "i4422",
    "inn22",
    "looks_like_degrees",
    "mabk",
    "magic_square",
    "mermin",
    "parity_chsh",
    "read_behaviours",
    "require_radians",
    "singlet_chsh",
    "singlet_chsh_maximum",
    "singlet_coefficients",
    "singlet_condition",
    "singlet_correlators",
    "singlet_local_bound",
    "singlet_quantum_bound",
    "singlet_strategy_value",
    "sliwa",
    "svetlichny",
    "theta_at_chsh",
    "tilted_chsh",
]
