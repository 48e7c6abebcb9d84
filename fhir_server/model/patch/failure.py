"""Why a patch cannot be applied; each language says at which operation."""


class Impossible(Exception):
    """One operation does not fit the resource. The text says why, without anything that stands in patch or resource."""
