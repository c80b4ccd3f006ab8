"""The closed forms of the protocols, on numbers or on arrays that broadcast.

What may come in: errors, settings, numbers of rounds. What is handed on: numbers, which are not clipped; probabilities
are given as log2.
"""
