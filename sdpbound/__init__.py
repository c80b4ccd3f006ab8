"""sdpbound: certified bounds on quantum, no-signaling and local correlations, and the rates they give."""

from sdpbound.attacks.convex_combination import convex_combination_attack
from sdpbound.attacks.entropy_attack import conditional_entropy_upper_bound
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.behaviour import Behaviour, Observations
from sdpbound.bell import BellExpression
from sdpbound.best_tests import BestTest, best_test
from sdpbound.bounds import Bound, Certificate, Functional
from sdpbound.checker import Verification, verify
from sdpbound.conic.clarabel_ import Clarabel
from sdpbound.conic.cvxpy_ import Cvxpy
from sdpbound.conic.highs_ import Highs
from sdpbound.conic.qics_ import Qics
from sdpbound.conic.scs_ import Scs
from sdpbound.conic.sdpa_ import Sdpa
from sdpbound.critical_points import critical_efficiency, critical_error_rate, critical_visibility
from sdpbound.errors import (
    CertificateError,
    DamagedStore,
    Infeasible,
    InvalidBehaviour,
    InvalidInput,
    InvalidLevel,
    InvalidParameter,
    InvalidSettings,
    InvalidShape,
    InvalidSolver,
    InvalidStudy,
    NotSelfTesting,
    SdpboundError,
    SolverFailure,
    StorageFailure,
    TooLarge,
)
from sdpbound.families import (
    SingletSelfTest,
    asymmetric_chsh,
    cglmp,
    chained,
    chsh,
    contour_at_chsh,
    correlators_self_test,
    i3322,
    mermin,
    singlet_chsh,
    singlet_condition,
    singlet_correlators,
    singlet_local_bound,
    singlet_quantum_bound,
    singlet_strategy_value,
    theta_at_chsh,
    tilted_chsh,
)
from sdpbound.finite_size import (
    FiniteLength,
    FiniteSecurity,
    finite_key_length,
    finite_randomness_length,
    minimum_rounds,
)
from sdpbound.merits.bell_value import maximize, minimize
from sdpbound.merits.conditional_entropy import EntropyBound, VonNeumann, conditional_entropy
from sdpbound.merits.entropy_envelope import EntropyEnvelope, entropy_envelope
from sdpbound.merits.guessing_probability import blind_guessing_probability, guessing_probability, min_entropy
from sdpbound.merits.warm_entropy import SweptEntropy
from sdpbound.models import Local, NoSignaling, Quantum
from sdpbound.noise import (
    Dephasing,
    DetectionInefficiency,
    Misalignment,
    Noise,
    NoiseSequence,
    WhiteNoise,
    noise_from,
)
from sdpbound.rate_upper_bounds import key_rate_upper_bound, randomness_rate_upper_bound
from sdpbound.rates import MinEntropy, Rate, best_preprocessing, error_correction, key_rate, randomness_rate
from sdpbound.scenario import Scenario
from sdpbound.self_tests import SelfTest, find_self_test
from sdpbound.strategies import Strategy, random_strategy, see_saw
from sdpbound.thresholds import Threshold, critical_noise
from sdpbound.version import __version__

__all__ = [
    "Behaviour",
    "BellExpression",
    "BestTest",
    "Bound",
    "Certificate",
    "CertificateError",
    "Clarabel",
    "Cvxpy",
    "DamagedStore",
    "Dephasing",
    "DetectionInefficiency",
    "EntropyAttack",
    "EntropyBound",
    "EntropyEnvelope",
    "FiniteLength",
    "FiniteSecurity",
    "Functional",
    "Highs",
    "Infeasible",
    "InvalidBehaviour",
    "InvalidInput",
    "InvalidLevel",
    "InvalidParameter",
    "InvalidSettings",
    "InvalidShape",
    "InvalidSolver",
    "InvalidStudy",
    "Local",
    "MinEntropy",
    "Misalignment",
    "NoSignaling",
    "Noise",
    "NoiseSequence",
    "NotSelfTesting",
    "Observations",
    "Qics",
    "Quantum",
    "Rate",
    "Scenario",
    "Scs",
    "Sdpa",
    "SdpboundError",
    "SelfTest",
    "SingletSelfTest",
    "SolverFailure",
    "StorageFailure",
    "Strategy",
    "SweptEntropy",
    "Threshold",
    "TooLarge",
    "Verification",
    "VonNeumann",
    "WhiteNoise",
    "__version__",
    "asymmetric_chsh",
    "best_preprocessing",
    "best_test",
    "blind_guessing_probability",
    "cglmp",
    "chained",
    "chsh",
    "conditional_entropy",
    "conditional_entropy_upper_bound",
    "contour_at_chsh",
    "convex_combination_attack",
    "correlators_self_test",
    "critical_efficiency",
    "critical_error_rate",
    "critical_noise",
    "critical_visibility",
    "entropy_envelope",
    "error_correction",
    "find_self_test",
    "finite_key_length",
    "finite_randomness_length",
    "guessing_probability",
    "i3322",
    "key_rate",
    "key_rate_upper_bound",
    "maximize",
    "mermin",
    "min_entropy",
    "minimize",
    "minimum_rounds",
    "noise_from",
    "random_strategy",
    "randomness_rate",
    "randomness_rate_upper_bound",
    "see_saw",
    "singlet_chsh",
    "singlet_condition",
    "singlet_correlators",
    "singlet_local_bound",
    "singlet_quantum_bound",
    "singlet_strategy_value",
    "theta_at_chsh",
    "tilted_chsh",
    "verify",
]
