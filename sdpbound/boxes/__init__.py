"""n boxes against a no-signaling adversary: linear programs, partitions and attacks, all exact.

What may come in: marginals of boxes as rationals. What is handed on: rational answers on both sides, with certificates.
"""

from __future__ import annotations

from sdpbound.boxes.boxes import DepolarisedBoxes, ExchangeableBoxes, JointBoxes, as_boxes, isotropic_box
from sdpbound.boxes.certificate import BoxCertificate
from sdpbound.boxes.guessing import GuessingProgram, guessing_program
from sdpbound.boxes.partition import BoxPartition, product_partition, single_box_partition
from sdpbound.boxes.xor_attack import JointAttack, joint_attack

__all__ = [
    "BoxCertificate",
    "BoxPartition",
    "DepolarisedBoxes",
    "ExchangeableBoxes",
    "GuessingProgram",
    "JointAttack",
    "JointBoxes",
    "as_boxes",
    "guessing_program",
    "isotropic_box",
    "joint_attack",
    "product_partition",
    "single_box_partition",
]
