"""The dossier on disk: the only place that knows SQL."""
