r"""
7. Coming from other libraries
==============================

The same problems, side by side: ncpol2sdpa, QuantumNPA.jl, toqito, Ket.jl and MATLAB on the left, sdpbound on the
right. What is different everywhere: the number that comes back is proven, whatever the solver did.

.. list-table::
   :header-rows: 1
   :widths: 20 40 40

   * - library
     - there
     - here
   * - ncpol2sdpa
     - ``generate_measurements``, ``SdpRelaxation``, ``get_relaxation(level=1, ...)``, ``solve()``, ``-sdp.primal``: it
       minimises
     - ``sb.maximize(expression, sb.Quantum("1"))``
   * - ncpol2sdpa
     - ``momentequalities=[...]``
     - ``sb.Observations.bell_value(...)``, ``.full(...)``, or ``Problem(..., moments=[...])``
   * - ncpol2sdpa
     - ``substitutions={X**2: X}``
     - ``Problem(..., rules=[(X * X, X)])``, or ``problems.from_ncpol2sdpa(...)`` with the same arguments
   * - QuantumNPA.jl
     - ``@dichotomic A[1:2] B[1:2]``, ``npa_max(S, "1 + A B")``
     - ``Operator.observables("A1 A2", party="A")``, ``Problem(...).maximize(S, "1+AB")``
   * - QuantumNPA.jl
     - ``npa_max(S, 2; eq=[...], ge=[...])``
     - ``Problem(..., moments=[(expression, low, high)])``
   * - toqito
     - ``bell_inequality_max(coefficients, desc, notation, "quantum", k)``, ``XORGame(...).quantum_value()``
     - ``sb.maximize(...)``, ``sb.xor_game(...).quantum("1")``
   * - Ket.jl
     - ``bound_tsirelson(CG, scenario, level)``, in older versions ``tsirelson_bound``
     - ``sb.maximize(sb.BellExpression.from_collins_gisin(CG), sb.Quantum("1+AB"))``
   * - Ket.jl
     - ``bound_local(G)`` of correlators or probabilities, in older versions ``local_bound``
     - ``sb.maximize(expression, sb.Local())``
   * - Ket.jl
     - ``seesaw(CG, scenario, d)``
     - ``sb.see_saw(expression, d, rng=0)``
   * - Ket.jl
     - ``nonlocality_robustness(FP)``
     - ``sb.robustness(behaviour, sb.Local())``
   * - QETLAB
     - ``BellInequalityMax(..., 'quantum', k)``
     - ``sb.maximize(expression, sb.Quantum(str(k)))``
   * - QETLAB
     - ``NPAHierarchy(CG, desc, k)``, in older versions ``NPAHierarchy(p, k)`` of probabilities
     - ``sb.membership(sb.Behaviour.from_collins_gisin(CG), sb.Quantum(str(k)))``

Words of a level are written almost the same way in all of them: "1+AB" is level 1 with the products of one operator of
each party, "1 + A B" in QuantumNPA.jl, "1+ab" in QETLAB and toqito. Collins-Gisin tables have Alice's marginals in the
first column and Bob's in the first row, as in Ket.jl, QETLAB and toqito.
"""

# %%
# An expression in Collins-Gisin form
# -----------------------------------
# CH74, the example of ncpol2sdpa's documentation: the print-outs of first-order solvers are at times below the truth,
# 0.20710678.
import matplotlib.pyplot as plt

import sdpbound as sb

table = [[0, -1, 0], [-1, 1, 1], [0, 1, -1]]
bound = sb.maximize(sb.BellExpression.from_collins_gisin(table), sb.Quantum("1"))
print(f"{bound.value:.10f}, proven from above; (sqrt(2) - 1)/2 = {(2**0.5 - 1) / 2:.10f}")

# %%
# A script of ncpol2sdpa
# ----------------------
# Keep what builds the problem, and replace ``SdpRelaxation(...)``, ``get_relaxation`` and ``solve`` by one call with
# the same arguments. The objective is minimised, as there. The bound has a certificate.
from ncpol2sdpa import flatten, generate_measurements, projective_measurement_constraints

from sdpbound.problems import from_ncpol2sdpa

A, B = generate_measurements([2, 2], "A"), generate_measurements([2, 2], "B")
(a0,), (a1,), (b0,), (b1,) = *A, *B  # the projectors of outcome 0
objective = a0 + b0 - a0 * b0 - a0 * b1 - a1 * b0 + a1 * b1
rules = projective_measurement_constraints(A, B)
moved = from_ncpol2sdpa(flatten([A, B]), 1, objective, substitutions=rules).bound()
print(f"at least {moved.value:.8f}; {moved.certificate.verify().message}")

# %%
# Operators of your own
# ---------------------
# As in QuantumNPA.jl: dichotomic operators, a polynomial, a level.
A1, A2 = sb.Operator.observables("A1 A2", party="A")
B1, B2 = sb.Operator.observables("B1 B2", party="B")
problem = sb.Problem([A1, A2, B1, B2])
print(problem.maximize(A1 * (B1 + B2) + A2 * (B1 - B2), "1+AB").value)

# %%
# Constraints on moments, with the value that QuantumNPA.jl prints for the same problem.
halves = [(A1 * (B1 + B2), 1.4, 1.4), (A2 * (B1 - B2), 1.4, 1.4)]
ours = sb.Problem([A1, A2, B1, B2], moments=halves).maximize(A1, 2).value
print(f"printed 0.198006, here at most {ours:.6f}, and qubits reach {(1 - 0.49 / 0.51) ** 0.5:.6f}")

# %%
# Membership, and a game
# ----------------------
best = sb.family_named("chsh").member().behaviour()
print("quantum at level 1+AB:", bool(sb.membership(best, sb.Quantum("1+AB"))))
print("local:", bool(sb.membership(best, sb.Local())))
print("game:", sb.xor_game([[0, 0], [0, 1]]).quantum("1").value)

# %%
# Guessing probability
# --------------------
# The program that each repository on randomness writes anew: full statistics, level 2, both outcomes guessed.
# QuantumNPA.jl prints about 0.7467 for CHSH settings at visibility 0.9.
noisy = sb.family_named("chsh").member().behaviour(visibility=0.9)
guess = sb.guessing_probability(sb.Observations.full(noisy), sb.Quantum("2"), x=0, y=0)
print(f"proven: at most {guess.value:.6f}")

# %%
printed = [2.828227712681755, 0.20701116471401693, 0.19800616634180992]
truth = [8**0.5, (2**0.5 - 1) / 2, (1 - 0.49 / 0.51) ** 0.5]
plt.bar(["CHSH", "CH74", "A1, both halves 1.4"], [p - t for p, t in zip(printed, truth, strict=True)])
plt.axhline(0, color="black", linewidth=0.8)
plt.ylabel("printed upper bound minus what devices reach")
