"""The index held against the resources it was made from: compared, and brought in order, while the server may be at work."""
