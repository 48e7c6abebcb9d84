"""The journal: the record as it is written, in chains of hashed blocks."""
