"""Runs of the protocols of the three papers, on rounds drawn from a behaviour.

A run samples, depolarises, corrects errors and amplifies privacy. Random numbers and timing are those of a simulation,
not fit for real keys.

What may come in: a protocol's parameters, a behaviour, and a seed. What is handed on: a
:class:`~sdpbound.protocols.running.outcome.Run`.
"""
