"""What is needed to decide by the client's consents which sources may be asked, looked up in the store at this moment."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from fhir_server.access.consent import Item, Request, of_person
from fhir_server.access.gate import FederationGrant
from fhir_server.access.labelling import labels
from fhir_server.catalog.catalog import LAST_UPDATED, Entry
from fhir_server.federation.consented import Consents
from fhir_server.federation.merge import Merged
from fhir_server.interactions.call import Call
from fhir_server.interactions.care import Care
from fhir_server.model.references import targets
from fhir_server.search.extract import extract
from fhir_server.search.match import holds
from fhir_server.search.rows import LATEST, Indexed, IndexRow, key
from fhir_server.search.tree import MemberOf, Token
from fhir_server.search.values import Range
from fhir_server.storage.consent_rule import FUNCTION, LABELS, TEAM, Rule, in_function, specificity
from fhir_server.storage.seat import Seat


async def consents_of(call: Call, grant: FederationGrant, care: Care) -> Consents | None:
    """Return what decides on the sources of the client that ``grant`` is about; None for the system, which needs no consent."""
    actor = call.actor
    if actor.role == "system":
        return None
    rules = tuple(await call.services.repository.rules(grant.patient))
    request = await request_of(call, grant.patient, rules)
    return Consents(request, rules, grant.categories, grant.of_type, care.kinds, actor.reason)


async def request_of(call: Call, patient: str, rules: Iterable[Rule]) -> Request:
    """Return who asks about ``patient`` ("Patient/id"), with the teams that ``rules`` name; what is asked is still to be said."""
    actor, named = call.actor, tuple(rules)
    members = MemberOf((*actor.people, *actor.teams), call.now, actor.left)
    seats = await call.services.repository.seats(members, _teams(named), patient)
    now = [seat for seat in seats if seat.start <= call.now < seat.end]
    teams = tuple(dict.fromkeys(seat.team for seat in now))
    functions = await _functions(call, members, patient, named)
    now += functions.values()
    return replace(
        of_person(actor, patient, "", call.now, teams),
        team_functions=tuple(functions),
        ended_teams=tuple({seat.team for seat in seats if seat.end <= call.now} - set(teams)),
        standing_ends=min((seat.end for seat in now), default=LATEST),
    )


def item(call: Call, merged: Merged) -> Item:
    """Return what is known of one resource from a source; whom its author is here, is not."""
    entry = call.services.catalog.types.get(merged.type)
    return item_of(merged.resource, entry, call.services.base, merged.reference, merged.indexed)


def part_of(resource: Mapping[str, object], entry: Entry | None, base: str, indexed: Indexed | None = None) -> str:
    """Return the category of the part of the type ``entry`` in which a resource is, "" where it is in none."""
    if entry is None or not entry.of_parts:
        return ""
    rows = indexed or extract(resource, entry, base)
    marks = ((Token(part.param, part.code, part.system), of) for part, of in entry.of_parts)
    return next((of.category_coding for mark, of in marks if holds(mark, resource, entry, rows)), "")


def item_of(
    resource: Mapping[str, object], entry: Entry | None, base: str, reference: str = "", indexed: Indexed | None = None
) -> Item:
    """Return what is known of a resource of the type ``entry`` but its author; ``reference`` is another name than its own."""
    own = reference or f"{resource.get('resourceType')}/{resource.get('id')}"
    stated, refers = _labels(resource.get("meta")), tuple(targets(resource, base))
    if entry is None:
        return Item(own, stated, (), None, refers)
    rows = (indexed or extract(resource, entry, base)).rows
    found = stated or tuple(filter(None, [labels().of(entry, rows, resource)]))
    return Item(own, found, (), _dates(rows, entry), refers)


async def _functions(call: Call, members: MemberOf, patient: str, rules: Iterable[Rule]) -> dict[str, Seat]:
    """Return those of the functions that ``rules`` name which ``members`` have in the network of ``patient``, with the place."""
    found: dict[str, Seat] = {}
    for recipient in dict.fromkeys(rule.recipient for rule in rules if rule.recipient.startswith(FUNCTION)):
        place = in_function(patient, recipient)
        teams = await call.services.repository.networks_of(members, place)
        seats = await call.services.repository.seats(members, teams, place)
        found |= {recipient.removeprefix(FUNCTION): seat for seat in seats if seat.start <= call.now < seat.end}
    return found


def _teams(rules: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule.recipient for rule in rules if specificity(rule).recipient == TEAM))


def _labels(meta: object) -> tuple[str, ...]:
    given = meta.get("security", ()) if isinstance(meta, Mapping) else ()
    return tuple(each["code"] for each in given if isinstance(each, Mapping) and each.get("code") in LABELS)


def _dates(rows: Iterable[IndexRow], entry: Entry) -> Range | None:
    if entry.main_date == LAST_UPDATED:
        return None
    wanted = key(entry.name, entry.main_date)
    return next((Range(row.sort, row.high) for row in rows if row.key == wanted), None)
