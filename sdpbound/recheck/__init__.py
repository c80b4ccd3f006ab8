"""PLACEHOLDER"""
from sdpbound.recheck.kinds import recheck
