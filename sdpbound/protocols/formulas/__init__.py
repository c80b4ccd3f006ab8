"""The closed forms that the protocols are made of, on numbers or arrays that broadcast.

What may come in: errors, settings, numbers of rounds. What is handed on: numbers, never clipped; probabilities as log2.
"""
