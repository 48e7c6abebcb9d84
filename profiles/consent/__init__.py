"""Data: the profile NetworkConsent, its code systems, and what a consent may name."""
