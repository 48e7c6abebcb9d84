"""The relation of a person who is known here with a client to whom they are invited (https://hl7.org/fhir/R4/relatedperson.html).

One person who cares for two clients is two RelatedPersons with the same identifiers.
"""

from collections.abc import Mapping
from typing import Any, Final

from fhir_server.network.json_parts import listed, text
from fhir_server.network.network_roles import network_roles
from fhir_server.network.participation import reference
from fhir_server.network.standing import identifiers

_OF_ONE_RELATION: Final = "/network-relation"  # the systems whose values tell one relation from another
_OF_THE_PERSON: Final = ("name", "telecom", "gender", "birthDate", "communication")


def relation(known: Mapping[str, Any], client: str, id_: str) -> dict[str, Any] | None:
    """Return the RelatedPerson ``id_`` of ``client`` ("Patient/id") who is the same person as ``known``.

    None where nothing would tell that they are the same.
    """
    kept = [each for each in listed(known, "identifier") if not text(each, "system").endswith(_OF_ONE_RELATION)]
    if not identifiers({"identifier": kept}):
        return None
    system, _, code = network_roles().relationship.partition("|")
    return {
        "resourceType": "RelatedPerson",
        "id": id_,
        "identifier": kept,
        "active": True,
        "patient": reference(client),
        "relationship": [{"coding": [{"system": system, "code": code}]}],
        **{name: known[name] for name in _OF_THE_PERSON if name in known},
    }
