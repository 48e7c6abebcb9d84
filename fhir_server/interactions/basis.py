"""By what somebody sees what the hub keeps, for the line of the record: the reason of the decision, and the choices behind it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Final

from fhir_server.access.break_glass import PURPOSE
from fhir_server.access.consent import Decision, Item, decide
from fhir_server.catalog.catalog import IN_ROLE, Entry
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.kept_bases import MEMBERSHIP, told
from fhir_server.interactions.source_consent import item_of, part_of, request_of
from fhir_server.interactions.stored_signs import may_hide
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.standing import practitioner_of
from fhir_server.search.authorship import authors
from fhir_server.storage.consent_rule import Rule
from fhir_server.storage.repository import Stored

SELF, INVITED = "self", "invited"
_WITHOUT_CONSENT: Final = frozenset({"system", "source", "operator", "privacy-officer"})
_FAILED: Final = 400
_type = attrgetter("type")


async def note_basis(call: Call, answer: Answer, found: Mapping[str, Sequence[Stored]], *, alone: bool) -> None:
    """Note why the caller was given what is ``found``, all of it, by dossier ("Patient/id").

    A line that is not about one dossier ``alone`` has the reasons only: whoever reads it as the client of one of them is not to
    learn of the choices of the others. Nothing is noted of what was refused, of an emergency, and of who needs no consent.
    """
    actor, basis = call.actor, call.touched.basis
    if answer.status >= _FAILED or actor.role in _WITHOUT_CONSENT or actor.purpose == PURPOSE:
        return
    for patient, some in found.items():
        if patient == actor.reference and actor.is_client:
            basis[SELF] = None
            continue
        for category, given in _by_category(call, some).items():
            words = call.services.bases.words(actor, patient, category, call.now) or await _words(call, patient, given, category)
            basis.update(dict.fromkeys(words if alone else [each for each in words if "/" not in each]))


def _by_category(call: Call, found: Sequence[Stored]) -> Mapping[str, Sequence[Stored]]:
    """Return what was found by its data category; what has none is open to the network."""
    given: dict[str, list[Stored]] = {}
    for type_ in dict.fromkeys(map(_type, found)):
        entry = call.services.catalog.types[type_]
        some = [each for each in found if each.type == type_]
        if not entry.parts:
            given.setdefault(entry.category_coding, []).extend(some)
            continue
        for each in some:
            given.setdefault(_part(call, entry, each.body) or entry.category_coding, []).append(each)
    given.pop("", None)
    return given


def _part(call: Call, entry: Entry, body: bytes) -> str:
    """Return the data category of a part of its type in which what was found is, "" where it is in none."""
    marked = may_hide(body) or any(part.code.encode() in body for part in entry.parts)
    return part_of(read(body, OWN).resource, entry, call.services.base) if marked else ""


async def _words(call: Call, patient: str, given: Sequence[Stored], category: str) -> Iterable[str]:
    decision, rules = await _decision(call, patient, category)
    if decision is None:
        return (MEMBERSHIP,)
    several = [decision]
    if decision.residual and any(each.body for each in given):
        request = replace(await request_of(call, patient, rules), category=category)
        several = [decide(replace(request, item=await known_item(call, each)), rules) for each in given if each.body]
    permitted = [each for each in several if each.permit]
    invited = (INVITED,) if len(permitted) < len(several) and any(each.type == "Task" for each in given) else ()
    return (*(word for each in permitted for word in told(each)), *invited)


async def _decision(call: Call, patient: str, category: str) -> tuple[Decision | None, tuple[Rule, ...]]:
    """Return what the client's choices say to the category (None for no choices), and the rules where the items decide besides."""
    bases = call.services.bases
    known = bases.get(call.actor, patient, category, call.now)
    if known is not None and not (known[0] and known[0].residual):
        return known[0], ()
    written = bases.written
    rules = tuple(await call.services.repository.rules(patient))
    request = replace(await request_of(call, patient, rules), category=category)
    decision = decide(request, rules) if rules else None
    bases.keep(call.actor, patient, category, decision, call.now, written)
    return decision, rules


async def known_item(call: Call, stored: Stored) -> Item:
    """Return what is known of a stored resource, whoever wrote it in a role under both names."""
    services, resource = call.services, read(stored.body, OWN).resource
    entry = services.catalog.types[stored.type]
    made = authors(resource, entry, services.base)
    roles = [each for each in made if each.startswith(f"{IN_ROLE}/")]
    grant = services.gate.locating(IN_ROLE)
    found = await services.repository.fetch([grant], roles) if roles else ()
    people = (practitioner_of(read(each.body, OWN).resource, services.base) for each in found)
    return replace(item_of(resource, entry, services.base), authors=(*made, *people))
