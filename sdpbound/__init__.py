"""sdpbound: certified bounds on quantum, no-signaling and local correlations, and the rates they give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdpbound.lazy import lazy_face
from sdpbound.version import __version__

if TYPE_CHECKING:  # for type checkers and editors; a test holds it to the table below
    from sdpbound.adversaries import Adversary, Local, NoSignaling, Quantum
    from sdpbound.attacks.all_channels import ChannelAttack
    from sdpbound.attacks.all_flips import KeyAttack
    from sdpbound.attacks.average_attack import AverageAttack, average_entropy_upper_bound
    from sdpbound.attacks.convex_combination import convex_combination_attack
    from sdpbound.attacks.entropy_attack import conditional_entropy_upper_bound
    from sdpbound.attacks.options import AttackOptions
    from sdpbound.attacks.proof import EntropyAttack
    from sdpbound.attacks.renyi_attack import RenyiAttack, renyi_entropy_upper_bound
    from sdpbound.bell.average import Average
    from sdpbound.bell.behaviour import Behaviour
    from sdpbound.bell.catalogue.inequality import BellInequality, KnownValue
    from sdpbound.bell.catalogue.names import inequalities, inequality
    from sdpbound.bell.channel import BinaryChannel
    from sdpbound.bell.exact import Angle
    from sdpbound.bell.expression import BellExpression
    from sdpbound.bell.facets import is_facet
    from sdpbound.bell.families.bipartite import chsh_d, elegant, hardy, i4422, inn22, magic_square
    from sdpbound.bell.families.contours import contour_at_chsh, theta_at_chsh
    from sdpbound.bell.families.correlators import correlators_self_test
    from sdpbound.bell.families.expressions import asymmetric_chsh, cglmp, chained, chsh, i3322, mermin, tilted_chsh
    from sdpbound.bell.families.family import Axis, Family, Member
    from sdpbound.bell.families.formulas import (
        singlet_chsh,
        singlet_condition,
        singlet_correlators,
        singlet_local_bound,
        singlet_quantum_bound,
        singlet_strategy_value,
    )
    from sdpbound.bell.families.lists import avis, sliwa
    from sdpbound.bell.families.multipartite import gyni, holz, mabk, parity_chsh, svetlichny
    from sdpbound.bell.families.singlet import SingletSelfTest
    from sdpbound.bell.families.table import family_named
    from sdpbound.bell.noise.dark import DarkCounts
    from sdpbound.bell.noise.fibre import FibreLoss, Heralded
    from sdpbound.bell.noise.kinds import noise_from
    from sdpbound.bell.noise.measurements import DetectionInefficiency, Misalignment
    from sdpbound.bell.noise.noise import Noise, NoiseSequence
    from sdpbound.bell.noise.state import Dephasing, WhiteNoise
    from sdpbound.bell.observations import Observations
    from sdpbound.bell.relabelling import Relabelling
    from sdpbound.bell.scenario import Scenario
    from sdpbound.bell.search import random_strategy, see_saw
    from sdpbound.bell.strategy import Strategy
    from sdpbound.bounds.average_guess import average_guessing_probability
    from sdpbound.bounds.bell_value import export_program, maximize, minimize
    from sdpbound.bounds.bound import Bound, Functional
    from sdpbound.bounds.certificate import Certificate
    from sdpbound.bounds.guessing import blind_guessing_probability, guessing_probability, min_entropy
    from sdpbound.bounds.robustness import (
        LocalFraction,
        NoiseRobustness,
        SetMembership,
        local_fraction,
        membership,
        robustness,
    )
    from sdpbound.bounds.used_symmetry import UsedSymmetry
    from sdpbound.checker import Verification, verify
    from sdpbound.conic.solvers.arrow import Arrow
    from sdpbound.conic.solvers.clarabel_ import Clarabel
    from sdpbound.conic.solvers.cvxpy_ import Cvxpy
    from sdpbound.conic.solvers.highs_ import Highs
    from sdpbound.conic.solvers.qics_ import Qics
    from sdpbound.conic.solvers.scs_ import Scs
    from sdpbound.conic.solvers.sdpa_ import Sdpa
    from sdpbound.conic.solvers.solver import Solver
    from sdpbound.entropies.averages import AverageEntropyBound, average_entropy
    from sdpbound.entropies.conditional import EntropyBound, VonNeumann, conditional_entropy
    from sdpbound.entropies.entropy import Entropy
    from sdpbound.entropies.envelope import EntropyEnvelope, EnvelopeOptions, entropy_envelope
    from sdpbound.entropies.min_entropy import MinEntropy
    from sdpbound.entropies.question import KeyQuestion
    from sdpbound.entropies.renyi.entropy import RenyiEntropyBound, renyi_entropy
    from sdpbound.entropies.renyi.options import RenyiOptions
    from sdpbound.entropies.self_test import SelfTest, find_self_test
    from sdpbound.entropies.swept import SweptEntropy
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
        TimeIsUp,
        TooLarge,
    )
    from sdpbound.experiments import (
        Certified,
        ConfidenceInterval,
        Counts,
        DistilledKey,
        EstimatedLength,
        Extracted,
        FixedProtocol,
        InputsTest,
        PValue,
        SignalingTest,
        certify,
        distil_key,
        estimated_length,
        extract,
        read_protocol,
    )
    from sdpbound.finite_size import (
        FiniteKeyOptions,
        FiniteLength,
        FiniteRandomnessOptions,
        FiniteSecurity,
        finite_key_length,
        finite_randomness_length,
        minimum_rounds,
    )
    from sdpbound.games.constraints import constraint_game
    from sdpbound.games.game import Game
    from sdpbound.games.xor import tsirelson_strategy, xor_game
    from sdpbound.limiting import limits
    from sdpbound.plotting.journals import style
    from sdpbound.problems.expressions import Operator
    from sdpbound.problems.solving import Problem
    from sdpbound.rates.best_tests import BestTest, best_test
    from sdpbound.rates.correction import error_correction
    from sdpbound.rates.critical import critical_efficiency, critical_error_rate, critical_visibility
    from sdpbound.rates.distillation import DistillationAttack, distillation_attack, distillation_condition
    from sdpbound.rates.options import LineOptions, RandomnessOptions, RateOptions, SearchOptions
    from sdpbound.rates.postprocessing import PostSelection, RandomBasis, RepetitionCode
    from sdpbound.rates.postprocessing.attacked import ProcessedAttack
    from sdpbound.rates.postprocessing.distillable import DistillationCondition
    from sdpbound.rates.rate import Rate
    from sdpbound.rates.rates import best_channel, best_preprocessing, key_rate, randomness_rate
    from sdpbound.rates.thresholds import Threshold, critical_noise
    from sdpbound.rates.upper import key_rate_upper_bound, randomness_rate_upper_bound
    from sdpbound.strategies.best import BestStrategy, best_strategy
    from sdpbound.strategies.critical import critical_strategy
    from sdpbound.strategies.options import CriticalStrategyOptions, StrategyOptions
    from sdpbound.study.quantities.at_point import AtPoint
    from sdpbound.study.quantities.kind import ProgramKind, QuantityKind

__all__ = [
    "Adversary",
    "Angle",
    "Arrow",
    "AtPoint",
    "AttackOptions",
    "Average",
    "AverageAttack",
    "AverageEntropyBound",
    "Axis",
    "Behaviour",
    "BellExpression",
    "BellInequality",
    "BestStrategy",
    "BestTest",
    "BinaryChannel",
    "Bound",
    "Certificate",
    "CertificateError",
    "Certified",
    "ChannelAttack",
    "Clarabel",
    "ConfidenceInterval",
    "Counts",
    "CriticalStrategyOptions",
    "Cvxpy",
    "DamagedStore",
    "DarkCounts",
    "Dephasing",
    "DetectionInefficiency",
    "DistillationAttack",
    "DistillationCondition",
    "DistilledKey",
    "Entropy",
    "EntropyAttack",
    "EntropyBound",
    "EntropyEnvelope",
    "EnvelopeOptions",
    "EstimatedLength",
    "Extracted",
    "Family",
    "FibreLoss",
    "FiniteKeyOptions",
    "FiniteLength",
    "FiniteRandomnessOptions",
    "FiniteSecurity",
    "FixedProtocol",
    "Functional",
    "Game",
    "Heralded",
    "Highs",
    "Infeasible",
    "InputsTest",
    "InvalidBehaviour",
    "InvalidInput",
    "InvalidLevel",
    "InvalidParameter",
    "InvalidSettings",
    "InvalidShape",
    "InvalidSolver",
    "InvalidStudy",
    "KeyAttack",
    "KeyQuestion",
    "KnownValue",
    "LineOptions",
    "Local",
    "LocalFraction",
    "Member",
    "MinEntropy",
    "Misalignment",
    "NoSignaling",
    "Noise",
    "NoiseRobustness",
    "NoiseSequence",
    "NotSelfTesting",
    "Observations",
    "Operator",
    "PValue",
    "PostSelection",
    "Problem",
    "ProcessedAttack",
    "ProgramKind",
    "Qics",
    "QuantityKind",
    "Quantum",
    "RandomBasis",
    "RandomnessOptions",
    "Rate",
    "RateOptions",
    "Relabelling",
    "RenyiAttack",
    "RenyiEntropyBound",
    "RenyiOptions",
    "RepetitionCode",
    "Scenario",
    "Scs",
    "Sdpa",
    "SdpboundError",
    "SearchOptions",
    "SelfTest",
    "SetMembership",
    "SignalingTest",
    "SingletSelfTest",
    "Solver",
    "SolverFailure",
    "StorageFailure",
    "Strategy",
    "StrategyOptions",
    "SweptEntropy",
    "Threshold",
    "TimeIsUp",
    "TooLarge",
    "UsedSymmetry",
    "Verification",
    "VonNeumann",
    "WhiteNoise",
    "__version__",
    "asymmetric_chsh",
    "average_entropy",
    "average_entropy_upper_bound",
    "average_guessing_probability",
    "avis",
    "best_channel",
    "best_preprocessing",
    "best_strategy",
    "best_test",
    "blind_guessing_probability",
    "certify",
    "cglmp",
    "chained",
    "chsh",
    "chsh_d",
    "conditional_entropy",
    "conditional_entropy_upper_bound",
    "constraint_game",
    "contour_at_chsh",
    "convex_combination_attack",
    "correlators_self_test",
    "critical_efficiency",
    "critical_error_rate",
    "critical_noise",
    "critical_strategy",
    "critical_visibility",
    "distil_key",
    "distillation_attack",
    "distillation_condition",
    "elegant",
    "entropy_envelope",
    "error_correction",
    "estimated_length",
    "export_program",
    "extract",
    "family_named",
    "find_self_test",
    "finite_key_length",
    "finite_randomness_length",
    "guessing_probability",
    "gyni",
    "hardy",
    "holz",
    "i3322",
    "i4422",
    "inequalities",
    "inequality",
    "inn22",
    "is_facet",
    "key_rate",
    "key_rate_upper_bound",
    "limits",
    "local_fraction",
    "mabk",
    "magic_square",
    "maximize",
    "membership",
    "mermin",
    "min_entropy",
    "minimize",
    "minimum_rounds",
    "noise_from",
    "parity_chsh",
    "random_strategy",
    "randomness_rate",
    "randomness_rate_upper_bound",
    "read_protocol",
    "renyi_entropy",
    "renyi_entropy_upper_bound",
    "robustness",
    "see_saw",
    "singlet_chsh",
    "singlet_condition",
    "singlet_correlators",
    "singlet_local_bound",
    "singlet_quantum_bound",
    "singlet_strategy_value",
    "sliwa",
    "style",
    "svetlichny",
    "theta_at_chsh",
    "tilted_chsh",
    "tsirelson_strategy",
    "verify",
    "xor_game",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "sdpbound.adversaries": "Adversary Local NoSignaling Quantum",
        "sdpbound.attacks.average_attack": "AverageAttack average_entropy_upper_bound",
        "sdpbound.attacks.convex_combination": "convex_combination_attack",
        "sdpbound.attacks.entropy_attack": "conditional_entropy_upper_bound",
        "sdpbound.attacks.options": "AttackOptions",
        "sdpbound.attacks.all_channels": "ChannelAttack",
        "sdpbound.attacks.all_flips": "KeyAttack",
        "sdpbound.attacks.proof": "EntropyAttack",
        "sdpbound.attacks.renyi_attack": "RenyiAttack renyi_entropy_upper_bound",
        "sdpbound.bell.average": "Average",
        "sdpbound.bell.behaviour": "Behaviour",
        "sdpbound.bell.catalogue.inequality": "BellInequality KnownValue",
        "sdpbound.bell.catalogue.names": "inequalities inequality",
        "sdpbound.bell.channel": "BinaryChannel",
        "sdpbound.bell.exact": "Angle",
        "sdpbound.bell.expression": "BellExpression",
        "sdpbound.bell.facets": "is_facet",
        "sdpbound.bell.families.bipartite": "chsh_d elegant hardy i4422 inn22 magic_square",
        "sdpbound.bell.families.lists": "avis sliwa",
        "sdpbound.bell.families.multipartite": "gyni holz mabk parity_chsh svetlichny",
        "sdpbound.bell.families.contours": "contour_at_chsh theta_at_chsh",
        "sdpbound.bell.families.correlators": "correlators_self_test",
        "sdpbound.bell.families.expressions": "asymmetric_chsh cglmp chained chsh i3322 mermin tilted_chsh",
        "sdpbound.bell.families.family": "Axis Family Member",
        "sdpbound.bell.families.formulas": (
            "singlet_chsh singlet_condition singlet_correlators singlet_local_bound "
            "singlet_quantum_bound singlet_strategy_value"
        ),
        "sdpbound.bell.families.singlet": "SingletSelfTest",
        "sdpbound.bell.families.table": "family_named",
        "sdpbound.bell.noise.kinds": "noise_from",
        "sdpbound.bell.noise.dark": "DarkCounts",
        "sdpbound.bell.noise.fibre": "FibreLoss Heralded",
        "sdpbound.bell.noise.measurements": "DetectionInefficiency Misalignment",
        "sdpbound.bell.noise.noise": "Noise NoiseSequence",
        "sdpbound.bell.noise.state": "Dephasing WhiteNoise",
        "sdpbound.bell.observations": "Observations",
        "sdpbound.bell.scenario": "Scenario",
        "sdpbound.bell.search": "random_strategy see_saw",
        "sdpbound.bell.relabelling": "Relabelling",
        "sdpbound.bell.strategy": "Strategy",
        "sdpbound.bounds.average_guess": "average_guessing_probability",
        "sdpbound.bounds.bell_value": "export_program maximize minimize",
        "sdpbound.bounds.bound": "Bound Functional",
        "sdpbound.bounds.certificate": "Certificate",
        "sdpbound.bounds.guessing": "blind_guessing_probability guessing_probability min_entropy",
        "sdpbound.bounds.robustness": (
            "LocalFraction SetMembership NoiseRobustness local_fraction membership robustness"
        ),
        "sdpbound.bounds.used_symmetry": "UsedSymmetry",
        "sdpbound.checker": "Verification verify",
        "sdpbound.conic.solvers.arrow": "Arrow",
        "sdpbound.conic.solvers.clarabel_": "Clarabel",
        "sdpbound.conic.solvers.cvxpy_": "Cvxpy",
        "sdpbound.conic.solvers.highs_": "Highs",
        "sdpbound.conic.solvers.qics_": "Qics",
        "sdpbound.conic.solvers.scs_": "Scs",
        "sdpbound.conic.solvers.sdpa_": "Sdpa",
        "sdpbound.conic.solvers.solver": "Solver",
        "sdpbound.entropies.averages": "AverageEntropyBound average_entropy",
        "sdpbound.entropies.conditional": "EntropyBound VonNeumann conditional_entropy",
        "sdpbound.entropies.entropy": "Entropy",
        "sdpbound.entropies.envelope": "EntropyEnvelope EnvelopeOptions entropy_envelope",
        "sdpbound.entropies.min_entropy": "MinEntropy",
        "sdpbound.entropies.question": "KeyQuestion",
        "sdpbound.entropies.renyi.entropy": "RenyiEntropyBound renyi_entropy",
        "sdpbound.entropies.renyi.options": "RenyiOptions",
        "sdpbound.entropies.self_test": "SelfTest find_self_test",
        "sdpbound.entropies.swept": "SweptEntropy",
        "sdpbound.errors": (
            "CertificateError DamagedStore Infeasible InvalidBehaviour InvalidInput InvalidLevel "
            "InvalidParameter InvalidSettings InvalidShape InvalidSolver InvalidStudy "
            "NotSelfTesting SdpboundError SolverFailure StorageFailure TimeIsUp TooLarge"
        ),
        "sdpbound.experiments": (
            "Certified ConfidenceInterval Counts DistilledKey EstimatedLength Extracted FixedProtocol InputsTest "
            "PValue SignalingTest certify distil_key estimated_length extract read_protocol"
        ),
        "sdpbound.finite_size": (
            "FiniteKeyOptions FiniteLength FiniteRandomnessOptions FiniteSecurity finite_key_length "
            "finite_randomness_length minimum_rounds"
        ),
        "sdpbound.plotting.journals": "style",
        "sdpbound.problems.expressions": "Operator",
        "sdpbound.problems.solving": "Problem",
        "sdpbound.games.constraints": "constraint_game",
        "sdpbound.games.game": "Game",
        "sdpbound.games.xor": "tsirelson_strategy xor_game",
        "sdpbound.limiting": "limits",
        "sdpbound.rates.best_tests": "BestTest best_test",
        "sdpbound.rates.critical": "critical_efficiency critical_error_rate critical_visibility",
        "sdpbound.rates.options": "LineOptions RandomnessOptions RateOptions SearchOptions",
        "sdpbound.rates.correction": "error_correction",
        "sdpbound.rates.distillation": "DistillationAttack distillation_attack distillation_condition",
        "sdpbound.rates.postprocessing": "PostSelection RandomBasis RepetitionCode",
        "sdpbound.rates.postprocessing.attacked": "ProcessedAttack",
        "sdpbound.rates.postprocessing.distillable": "DistillationCondition",
        "sdpbound.rates.rate": "Rate",
        "sdpbound.rates.rates": "best_channel best_preprocessing key_rate randomness_rate",
        "sdpbound.rates.thresholds": "Threshold critical_noise",
        "sdpbound.study.quantities.at_point": "AtPoint",
        "sdpbound.study.quantities.kind": "ProgramKind QuantityKind",
        "sdpbound.rates.upper": "key_rate_upper_bound randomness_rate_upper_bound",
        "sdpbound.strategies.best": "BestStrategy best_strategy",
        "sdpbound.strategies.critical": "critical_strategy",
        "sdpbound.strategies.options": "CriticalStrategyOptions StrategyOptions",
    },
)
