"""What belongs to one person alone, because it names no dossier: it lies in a dossier that has no other member."""


def private(person: str) -> str:
    """Return the dossier of what belongs to ``person`` ("Type/id") alone; no reference is ever written like this."""
    return f"private:{person}"


def shared(dossier: str) -> str:
    """Return ``dossier``, "" when it is a private one."""
    return "" if dossier.startswith("private:") else dossier
