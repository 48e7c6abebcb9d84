"""Simulators: source systems that speak the real wire formats, with invented persons.

Run one with ``python -m conformance.simulators pharmacy --port 9001`` (or ``gp``). A simulator listens on the loopback interface
only, says nothing about patients, can be told to misbehave (``--fault``), and counts its questions (``GET /asked``).
"""
