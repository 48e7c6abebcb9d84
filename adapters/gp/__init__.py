"""Adapters for the systems of general practitioners."""
