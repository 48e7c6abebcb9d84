"""Data: the codes of what people report, and what the server does with it."""
