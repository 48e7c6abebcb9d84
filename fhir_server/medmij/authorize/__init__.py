"""The authorization server of MedMij: the pages on which a client agrees, and what they lead to."""
