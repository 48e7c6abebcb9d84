"""Who is asking, and the one decision on what they may see or do."""
