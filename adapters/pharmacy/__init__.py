"""Adapters for pharmacy systems."""
