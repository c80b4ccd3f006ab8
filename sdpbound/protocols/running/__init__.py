"""Runs of the protocols of the three papers, on rounds drawn from a behaviour.

A run samples, depolarises, corrects errors and amplifies privacy. It is a simulation: its random numbers and its timing
are not fit for real keys.

What may come in: a protocol's parameters, a behaviour, and a seed. What is handed on: a
:class:`~sdpbound.protocols.running.outcome.Run`.
"""
