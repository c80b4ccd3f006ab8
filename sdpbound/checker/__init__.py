"""Check a certificate without trusting the code that made it.

A certificate is a JSON file with a question, a proof and a claim. This package reads the question in Bell terms, builds
every polynomial again with its own small word algebra, and recomputes the bound in exact rational arithmetic: a float
is the dyadic rational that it stores, a string ``"p/q"`` is that rational, and only the final number is rounded, away
from the truth. It shares no code with the modules that make certificates. Of the file it trusts the question only (what
is asked, and the data): ``created_by`` and the ``level`` of the quantum model are labels. The words of a proof need not
be of that level, for any words prove a bound on the quantum set.

What may come in: a certificate, from anyone. What is handed on: a :class:`Verification`. The modules, from below:

- ``numbers`` and ``reading``;
- ``scenario``, ``words`` and ``question``: what is asked;
- ``linear``, ``integral``, ``radau`` and ``qubit`` (with ``qubit_search``, ``qubit_cells``, ``qubit_correlators``,
  ``qubit_states``, ``float_balls``) and ``qubit_average``: proofs of bounds; ``coarse``: those that are about merged
  outcomes; ``claim``: what they imply;
- ``strategies`` and ``trials``: explicit strategies that every statement is tried on;
- ``mixtures``: what explicit mixtures of strategies give;
- ``rewriting``: words in operators with stated rules;
- ``bound``, ``self_test``, ``chsh_entropy``, ``attack``, ``finite``, ``boxes``, ``operators`` and ``routed``: the kinds
  of certificates, listed in ``kinds``;
- ``apart``: checks within limits of time and memory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from sdpbound.checker.apart import MEMORY_LIMIT, TIME_LIMIT, Answer, Checker
from sdpbound.checker.claim import Verification
from sdpbound.checker.kinds import Kind, check
from sdpbound.checker.reading import read

__all__ = ["Answer", "Checker", "Kind", "Verification", "read", "verify"]


def verify(
    certificate: Mapping[str, object] | str | os.PathLike[str],
    *,
    strict: bool = True,
    time_limit: float | None = None,
    memory_limit: float | None = None,
    kinds: Sequence[Kind] = (),
) -> Verification:
    """Recompute the bound of a certificate and compare it with what it claims.

    Parameters
    ----------
    certificate : dict, str or os.PathLike
        The certificate as a dictionary, or the path of its JSON file (a string is always a path).
    strict : bool
        Whether a claim that the proof does not imply is an error; if False, the answer has ``holds`` False.
    time_limit, memory_limit : float or None
        Seconds and bytes that the check may take, in a process of its own (of the two, one that is None has the
        default of :class:`Checker`). Both None: in this process, without limits.
    kinds : sequence of Kind
        Further kinds of certificates that the caller trusts; each checks the files that name it. None is ever loaded
        because of what a file says.

    Returns
    -------
    Verification
        The recomputed bound with its side, and the affine functional that the proof gives.

    Raises
    ------
    CertificateError
        If an entry is missing, unknown, malformed or too large to check, if a limit ended the check, or (with
        `strict`) if the proof does not imply the claim.

    Examples
    --------
    No local behaviour has a CHSH value above 2; the proof is the enumeration of all strategies.

    >>> chsh = [[0, 0, 0], [0, 1, 1], [0, 1, -1]]
    >>> question = {"scenario": {"outcomes": [[2, 2], [2, 2]]},
    ...             "figure": {"kind": "bell_value", "coefficients": chsh},
    ...             "side": "upper", "observed": [], "model": {"kind": "local"}}
    >>> certificate = {"format": "sdpbound certificate", "version": 1, "created_by": "by hand", "question": question,
    ...                "proof": {"multipliers": [], "copies": []},
    ...                "claim": {"value": 2.0, "functional": {"constant": 2.0, "multipliers": []}}}
    >>> verify(certificate).value
    2.0
    """
    if time_limit is not None or memory_limit is not None:
        limits = (
            TIME_LIMIT if time_limit is None else time_limit,
            MEMORY_LIMIT if memory_limit is None else memory_limit,
        )
        with Checker(*limits, kinds=kinds) as checker:
            return checker.verify(certificate, strict=strict)
    return check(certificate, strict, kinds)
