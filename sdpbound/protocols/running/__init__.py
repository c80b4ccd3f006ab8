"""The protocols of the three papers run on rounds drawn from a behaviour: sampling, depolarisation, error correction,
privacy amplification. What every run returns is a :class:`sdpbound.protocols.running.outcome.Run`."""
