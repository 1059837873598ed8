"""Trunkline: a SIP trunking service that you run on your own machines.

The rooms and the way their doors open are described in ARCHITECTURE.md; `.importlinter` holds them.
"""

__version__ = "0.1.0"
