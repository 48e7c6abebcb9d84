"""Who a source is, to whom reads an answer: its organisation, never its address."""

from hashlib import blake2b
from uuid import UUID

from adapters.contract import Source
from fhir_server.federation.sources import AGB, URA

OIDS = {URA: "2.16.528.1.1007.3.3", AGB: "2.16.840.1.113883.2.4.6.1"}


def origin(source: Source) -> str:
    """Return the URI of the organisation of ``source``, for ``meta.source``.

    ``urn:oid:`` and the OID of the register with the organisation's number in it (the URA before the AGB code), without leading
    zeros, which an OID cannot have; a ``urn:uuid`` made from the source's name when it has neither number.
    """
    numbers = dict(source.organisation)
    for system, oid in OIDS.items():
        if numbers.get(system, "").isdigit():
            return f"urn:oid:{oid}.{int(numbers[system])}"
    return UUID(bytes=blake2b(source.name.encode(), digest_size=16).digest(), version=4).urn


def organisation(source: Source) -> dict[str, object]:
    """Return a logical Reference to the organisation of ``source``; the option ``display`` is its name."""
    known: dict[str, object] = {"type": "Organization", "display": source.options.get("display", source.name)}
    if source.organisation:
        system, value = source.organisation[0]
        known["identifier"] = {"system": system, "value": value}
    return known
