"""The door of MedMij: a client collects with a PGO what providers hold (MedMij Afsprakenstelsel, version 2.2.4)."""
