"""Adapter for GP systems that speak HL7v3: the GP summary, and the messages of integrated care."""
