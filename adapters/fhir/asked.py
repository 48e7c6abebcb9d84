"""One query to a FHIR server as a whole: whom it knows the patient as, what it finds, and who is named in that."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from adapters.contract import Resource, Source, SourceError, SourceQuery, Translation, Transport
from adapters.fhir.applied import check_applied
from adapters.fhir.localised import base_of, localise, named, strangers, without_narrative
from adapters.fhir.page import Page, page
from adapters.fhir.server import FhirServer, Form, identifiers
from adapters.fhir.strict_json import read_resource

BSN: Final = "http://fhir.nl/fhir/NamingSystem/bsn"
SUPPORTING: Final = ("Organization", "Practitioner", "PractitionerRole")
"""Types about nobody, read where something names one."""
_WAVES: Final = 2  # from a role to the person and the organisation
_NAMED: Final = 50  # of them in one answer
_COUNT: Final = "100"


@dataclass(frozen=True, slots=True)
class Kind:
    """What one kind of system has of a patient: the ``types`` that can be asked for."""

    types: Collection[str]

    async def ask(self, query: SourceQuery, source: Source, transport: Transport) -> Translation:
        """Ask for all of a type that the source has of one patient; SourceError for every failure."""
        if query.resource_type not in self.types:
            raise SourceError("not-supported", f"{query.resource_type} is asked for with what names it only")
        number = next((value for system, value in query.identifiers if system == BSN), "")
        if not number:
            raise SourceError("not-supported", "the source is asked by BSN, and none is known for this patient")
        server = FhirServer(source, transport, [value for _, value in query.identifiers])
        can, patient = await asyncio.gather(server.capabilities(), server.patient(BSN, number))
        known = can.require_search(query.resource_type)
        if patient is None:
            return Translation([])
        pages = await server.search(query.resource_type, _form(query, str(patient["id"]), known))
        check_applied(pages[0].itself, str(patient["id"]), query.parameters, known)
        found = await asyncio.to_thread(self._found, pages, server.base, patient)
        return self._translation(patient, [*found, *await _supporting(server, can.read, found)])

    def translate(self, payload: bytes) -> Translation:
        """Translate a Bundle that holds the Patient whom it is about; SourceError when it is unusable."""
        resource = read_resource(payload)
        one = page(resource, ("searchset", "collection", "history", "batch-response", "transaction-response"))
        patients = [each for each in one.resources if each["resourceType"] == "Patient"]
        if len(patients) != 1:
            raise SourceError("structure", "the Bundle does not hold the one Patient whom it is about")
        base = next((base_of(url.removesuffix(f"/{place}")) for url, place in one.places.items() if "://" in url), "")
        found = [each for each in self._found([one], base, patients[0]) if each["resourceType"] != "Patient"]
        return self._translation(patients[0], found)

    def _found(self, pages: Sequence[Page], base: str, patient: Resource) -> list[Resource]:
        """Return what is used of ``pages``, with references as the hub reads them; raises where it is about somebody else."""
        places = {url: place for each in pages for url, place in each.places.items()}
        wanted = {*self.types, *SUPPORTING, "Patient"}
        found = [each for one in pages for each in one.resources if each["resourceType"] in wanted]
        for each in found:
            localise(each, base, places)
        if strangers(found, str(patient["id"])):
            raise SourceError("wrong-patient", "the source answered something about another patient")
        return found

    def _translation(self, patient: Resource, found: Iterable[Resource]) -> Translation:
        resources = list({f"{each['resourceType']}/{each['id']}": each for each in (patient, *found)}.values())
        left_over = dict.fromkeys(path for each in resources for path in without_narrative(each))
        held = {f"{each['resourceType']}/{each['id']}" for each in resources}
        elsewhere = [each for each in named(resources, self.types) if each not in held]
        people = [each for each in resources if each["resourceType"] == "Patient"]
        about = list(dict.fromkeys(one for each in people for one in identifiers(each)))
        if not about:
            raise SourceError("structure", "the answer does not say which patient it is about")
        return Translation(resources, about, left_over=list(left_over), elsewhere=elsewhere)


def _form(query: SourceQuery, patient: str, known: Collection[str]) -> Form:
    """Return the search for ``query`` as far as the source knows its parameters; SourceError where it cannot name the patient."""
    about = next((name for name in ("patient", "subject") if name in known), "")
    if not about:
        raise SourceError("not-supported", f"the source cannot search {query.resource_type} of one patient")
    value = patient if about == "patient" else f"Patient/{patient}"
    return [(about, value), *(each for each in query.parameters if each[0] in known), ("_count", _COUNT)]


async def _supporting(server: FhirServer, readable: Collection[str], found: Sequence[Resource]) -> list[Resource]:
    """Return who and which organisations are named in ``found`` and not there, as far as the source has them."""
    made: list[Resource] = []
    new: Sequence[Resource] = found
    for _ in range(_WAVES):
        known = {f"{each['resourceType']}/{each['id']}" for each in (*found, *made)}
        wanted = [each for each in named(new, [each for each in SUPPORTING if each in readable]) if each not in known]
        if len(made) + len(wanted) > _NAMED:
            raise SourceError("too-much", f"more than {_NAMED} persons and organisations are named in the answer")
        new = [each for each in await asyncio.gather(*map(server.read, wanted)) if each is not None]
        for each in new:
            localise(each, server.base, {})
        made += new
    return made
