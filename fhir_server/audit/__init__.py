"""The record of every step."""
