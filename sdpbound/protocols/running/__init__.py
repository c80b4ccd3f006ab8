"""The protocols of the three papers run on rounds drawn from a behaviour: sampling, depolarisation, error correction,
privacy amplification.

What may come in: a behaviour and the parameters of a protocol. What is handed on: a
:class:`~sdpbound.protocols.running.outcome.Run`.
"""
