"""A second checker of certificates, written apart from the first, from the mathematics of docs/certificates.md alone.

Slow and small: one file for each kind of proof, exact numbers or balls, no code in common with ``checker/`` or with
what makes certificates. Two checkers that agree are wrong together only where two people made the same mistake, or the
statement itself is one.

What may come in: a certificate, as a dictionary or a file of JSON; nothing of it is trusted. What is handed on:
:func:`recheck`, the same in a process of its own (:func:`recheck_apart`), and their :class:`Conclusion`; the table of
kinds is ``kinds.py``.
"""

from sdpbound.recheck.answer import Conclusion
from sdpbound.recheck.apart import recheck_apart
from sdpbound.recheck.kinds import recheck

__all__ = ["Conclusion", "recheck", "recheck_apart"]
