"""What ``fhir-server check`` says of packages: whether each can be read, has what it needs, and its profiles can be used."""

from collections.abc import Iterator
from itertools import islice

from fhir_server.bootstrap import shelf
from fhir_server.cli.package import missing
from fhir_server.settings import Settings
from fhir_server.validation.packaged.shelved import ShelvedProfiles

_MOST_SHOWN = 5


def packages(settings: Settings) -> Iterator[str]:
    """Yield what is wrong, at most a few lines for each package. Raises PackageError."""
    kept = shelf(settings).packages()
    profiles = ShelvedProfiles(shelf(settings)).current()
    if profiles is None:
        return
    for each in kept:
        yield from missing(each, [one.manifest for one in kept])
        wrong = (profiles.made(url) for type_, url in each.index if type_ == "StructureDefinition")
        told = [made for made in wrong if isinstance(made, str)]
        yield from islice(told, _MOST_SHOWN)
        if len(told) > _MOST_SHOWN:
            yield f"{each.manifest} has {len(told) - _MOST_SHOWN} more profiles that cannot be used"
