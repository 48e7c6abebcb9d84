"""What search and read of federated types share: may the sources be asked, which of them, and what they answer."""

from asyncio import gather, get_running_loop
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from adapters.contract import SourceQuery
from fhir_server.access.break_glass import PURPOSE
from fhir_server.access.gate import FederationGrant
from fhir_server.errors import FhirError
from fhir_server.federation.answer import Answer as SourceAnswer
from fhir_server.federation.answer import SourceAnswer as SourceGave
from fhir_server.federation.answer import SourceFault, by_source
from fhir_server.federation.consented import CLOSED, Consents, opened
from fhir_server.federation.holder import Question, code_of
from fhir_server.federation.merge import Merged, merge
from fhir_server.federation.narrowed import narrowed
from fhir_server.federation.pace import Steps
from fhir_server.federation.plan import Plan
from fhir_server.federation.sealed_id import source_digest
from fhir_server.federation.taken import Use
from fhir_server.federation.traced import Trace
from fhir_server.interactions.break_glass import go_ahead
from fhir_server.interactions.call import Call
from fhir_server.interactions.care import Care, care_of
from fhir_server.interactions.emergency_client import from_sources, refused
from fhir_server.interactions.source_consent import consents_of, item, part_of
from fhir_server.model.bsn_body import sealed_values
from fhir_server.search.extract import extract
from fhir_server.search.tree import Everything, MemberOf, Node

_MICROSECONDS = 1_000_000
_ALL = Everything()


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers of the sources that were asked, and what they come to, by reference; both are empty when nobody was to be asked.

    ``until`` is when all of the budget is used up, by the clock of the event loop.
    """

    answers: tuple[SourceAnswer, ...] = ()
    merged: dict[str, Merged] = field(default_factory=dict)
    until: float | None = None


def together(*asked: Asked) -> Asked:
    """Return several answers as one; a source that failed to answer one question failed."""
    merged = {reference: each for one in asked for reference, each in one.merged.items()}
    return Asked(by_source(each for one in asked for each in one.answers), merged, asked[0].until)


def may_ask(call: Call) -> bool:
    """Tell whether there is any source to ask for the call's type, and the caller's role and scopes let it be asked."""
    return call.services.federation.holds(call.type) and _is_covered(call, call.type, call.interaction)


async def ask_sources(call: Call, patient: str, only: int | None = None, where: Node = _ALL) -> Asked:
    """Ask the sources in the network of ``patient`` ("Patient/id") for the call's type; ``only`` is the digest of one source.

    ``where`` is what is looked for among the answers: a source may be asked for less because of it.

    A client who is not there and one whose dossier is closed to the caller look alike: nobody is asked. So do a source that
    the client's consents close and one that is not there.
    """
    call.touched.ask(patient)
    decision = call.services.gate.federated(call.actor, call.type, patient, call.interaction)
    care = await care_of(call, patient) if await _permitted(call, decision) else None
    if care is None:
        return Asked()
    federation = call.services.federation
    plan = _narrowed(call, federation.plan(call.type, care.organisations), only)
    consents = await consents_of(call, decision, care)
    if consents is not None:
        among = plan
        plan, basis = opened(plan, consents)
        call.touched.basis |= dict.fromkeys(basis)
        if call.actor.purpose == PURPOSE and among and not plan and from_sources(call):
            raise refused(call)
    await go_ahead(call, patient)
    plan, unknown = await _held(call, plan, decision)
    until = get_running_loop().time() + federation.budget
    merged: dict[str, dict[str, Merged]] = {}

    def make(answer: SourceGave) -> Steps[dict[str, Merged]]:
        return _made(call, answer, patient, care)

    def show(answer: SourceGave, found: dict[str, Merged]) -> Steps[None]:
        merged[answer.source.name] = yield from _shown(call, found, consents)

    use = Use(patient, make, show)
    answers = (*await federation.ask(plan, _query(call, care, where), use, _trace(call), call.asking), *unknown)
    call.touched.sources |= {each.source.name: each.fault if isinstance(each, SourceFault) else "ok" for each in answers}
    given = (each.source.name for each in answers if not isinstance(each, SourceFault))
    return Asked(answers, {reference: each for name in given for reference, each in merged[name].items()}, until)


def _made(call: Call, answer: SourceGave, patient: str, care: Care) -> Steps[dict[str, Merged]]:
    """Return the resources of an answer, by reference, as if they were stored: found, revealed and masked by the same rules."""
    services = call.services
    merged = yield from merge(answer, patient, care.identifiers, services.federation.seal)
    for reference, each in merged.items():
        merged[reference] = replace(each, resource=sealed_values(each.resource, services.bsn))
        yield
    return merged


def _shown(call: Call, merged: dict[str, Merged], consents: Consents | None) -> Steps[dict[str, Merged]]:
    """Return what the caller may see of an answer, by reference; what is asked for with what an index of it would hold."""
    covered = {each: each == call.type or _is_covered(call, each, "read") for each in {each.type for each in merged.values()}}
    found: dict[str, Merged] = {}
    for reference, each in merged.items():
        if covered[each.type]:
            one = each
            if each.type == call.type:
                one = replace(each, indexed=extract(each.resource, call.entry, call.services.base))
            if consents is None or consents.shows(one, partial(item, call), _part(call, one)):
                found[reference] = one
        yield
    return found


def _is_covered(call: Call, type_: str, interaction: str) -> bool:
    try:
        call.services.gate.federated(call.actor, type_, "", interaction)
    except FhirError:
        return False
    return True


def _part(call: Call, merged: Merged) -> str:
    return part_of(merged.resource, call.services.catalog.types.get(merged.type), call.services.base, merged.indexed)


async def _permitted(call: Call, decision: FederationGrant) -> bool:
    condition = decision.condition
    if isinstance(condition, MemberOf):
        return await call.services.repository.is_member(condition, decision.patient)
    return isinstance(condition, Everything)


async def _held(call: Call, plan: Plan, grant: FederationGrant) -> tuple[Plan, tuple[SourceFault, ...]]:
    """Return what the holders may give too, and what nobody can say that of now; a professional's question only is theirs."""
    register = call.services.federation.holder
    if register is None or call.actor.role != "practitioner" or call.actor.purpose == PURPOSE:
        return plan, ()
    code = code_of(grant.categories)
    questions = [Question(step.source.organisation, code, call.actor.kinds, grant.purpose) for step in plan]
    verdicts = list(zip(plan, await gather(*map(register.ask, questions)), strict=True))
    denied = (step.source.name for step, verdict in verdicts if verdict in {"deny", "not-applicable"})
    call.touched.basis |= {f"{CLOSED}{name}=holder-deny": None for name in denied}
    unknown = (SourceFault(step.source, "consent-unavailable") for step, verdict in verdicts if verdict == "unavailable")
    return tuple(step for step, verdict in verdicts if verdict == "permit"), tuple(unknown)


def _narrowed(call: Call, plan: Plan, only: int | None) -> Plan:
    if call.collected is not None:
        plan = tuple(step for step in plan if call.collected.asks(step.source.organisation))
    return plan if only is None else tuple(step for step in plan if source_digest(step.source.name) == only)


def _query(call: Call, care: Care, where: Node) -> SourceQuery:
    moment = datetime.fromtimestamp(call.now / _MICROSECONDS, UTC).isoformat(timespec="seconds")
    return SourceQuery(call.type, care.identifiers, call.request, moment, narrowed(where, call.entry.search))


def _trace(call: Call) -> Trace:
    return Trace(call.origin.trace.partition("-")[0], call.origin.flags)
