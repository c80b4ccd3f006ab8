"""Benchmarks against the peers, all in one run: ``python -m benchmarks [--quick]``.

Build, assembly, solve and certification are timed apart; the answers are ratios, since seconds depend on the machine.
"""
