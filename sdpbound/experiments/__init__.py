"""From the counts of an experiment to bits.

What may come in: counts or rounds, an expression, a protocol that was fixed before. What is handed on: estimates with
tests of what they assume, upper bounds on p-values against local models, and the bits of a certified length.
"""

from sdpbound.experiments.consistency import InputsTest, SignalingTest
from sdpbound.experiments.counts import Counts
from sdpbound.experiments.distillation import DistilledKey, distil_key
from sdpbound.experiments.estimation import EstimatedLength, estimated_length
from sdpbound.experiments.extraction import Extracted, extract
from sdpbound.experiments.p_values import ConfidenceInterval, PValue
from sdpbound.experiments.protocol import Certified, FixedProtocol, certify, read_protocol

__all__ = [
    "Certified",
    "ConfidenceInterval",
    "Counts",
    "DistilledKey",
    "EstimatedLength",
    "Extracted",
    "FixedProtocol",
    "InputsTest",
    "PValue",
    "SignalingTest",
    "certify",
    "distil_key",
    "estimated_length",
    "extract",
    "read_protocol",
]
