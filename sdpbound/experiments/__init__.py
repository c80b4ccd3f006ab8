"""From the counts of an experiment to bits.

What may come in: counts or rounds, an expression, a protocol that was fixed before. What is handed on: estimates with
tests of what they assume, upper bounds on p-values against local models, and the bits of a certified length.
"""
