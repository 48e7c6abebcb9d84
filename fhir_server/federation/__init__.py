"""Asking the source systems: locate, plan, fan out, merge, report what is missing."""
