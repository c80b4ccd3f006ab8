"""Attacks: explicit mixtures of strategies, which bound entropies from above.

What may come in: tested data, or a behaviour. What is handed on: an :class:`EntropyAttack` with its own certificate.
"""

from __future__ import annotations

from sdpbound.attacks.all_channels import ChannelAttack
from sdpbound.attacks.all_flips import KeyAttack
from sdpbound.attacks.convex_combination import convex_combination_attack
from sdpbound.attacks.entropy_attack import conditional_entropy_upper_bound
from sdpbound.attacks.proof import EntropyAttack

__all__ = [
    "ChannelAttack",
    "EntropyAttack",
    "KeyAttack",
    "conditional_entropy_upper_bound",
    "convex_combination_attack",
]
