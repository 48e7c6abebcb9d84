"""Data: the catalogue, the R4 definition facts, our own profiles."""
