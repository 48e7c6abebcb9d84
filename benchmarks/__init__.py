"""What requests cost, as ratios to a bare ASGI application measured in the same run: ``make bench``."""
