"""Record systems of home care."""
