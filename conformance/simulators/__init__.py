"""Simulators: source systems that speak the real wire formats, with invented persons.

Run one with ``python -m conformance.simulators pharmacy --port 9001`` (or ``gp``, ``homecare``). A simulator listens on loopback
only, says nothing about patients, can be told to misbehave (``--fault``), and counts its questions (``GET /asked``).
"""
