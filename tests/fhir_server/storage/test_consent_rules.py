"""Rules of consent are kept with the Consent that makes them, as made by the change that wrote it."""

from dataclasses import replace

from invented import Run, Thing, created, deleted, grant, updated

from fhir_server.storage.consent_rule import HUB, Rule, withdrawn
from fhir_server.storage.repository import Repository

CONSENT = Thing("choice", "Consent", dossier="Patient/1", updated=1_000_000)
PERMIT = Rule("Patient/1", "urn:x|1", 0, "permit", "Consent/choice", recipient="CareTeam/team", purposes=("TREAT", "COC"))
DENY = Rule(
    *("Patient/1", "urn:x|1", 0, "deny", "Consent/choice"),
    number=1,
    recipient="kind:urn:types|Z3",
    holders=(HUB, "urn:ura|1"),
    purposes=("TREAT",),
    categories=("urn:c|message", "\0 and more"),
    actions=("access",),
    labels=("R", "V"),
    instances=("Task/one",),
    authors=("Practitioner/p",),
    data_low=-5,
    data_high=2**40,
    starts=10,
    ends=20,
)


def test_what_was_written_last_is_what_is_kept(run: Run) -> None:
    async def body(repository: Repository) -> None:
        consents = [grant("Consent")]
        await repository.commit(consents, [replace(created(CONSENT), rules=[PERMIT, DENY])], ())
        kept = [replace(each, made=1_000_000, version=1) for each in (PERMIT, DENY)]
        kept[1] = replace(kept[1], categories=("urn:c|message", "\ufffd and more"))
        assert await repository.rules("Patient/1") == kept
        assert await repository.rules("Patient/2") == []
        second = replace(CONSENT, updated=2_000_000)
        await repository.commit(consents, [replace(updated(CONSENT, second), rules=[PERMIT])], ())
        assert await repository.rules("Patient/1") == [replace(PERMIT, made=2_000_000, version=2)]
        gone = replace(deleted(second, 2, at=3_000_000), rules=withdrawn([PERMIT, DENY]))
        await repository.commit(consents, [gone], ())
        assert await repository.rules("Patient/1") == [Rule("Patient/1", "urn:x|1", 3_000_000, "none", "Consent/choice", 3)]

    run(body)


def test_under_a_narrow_grant_and_among_others_too(run: Run) -> None:
    async def body(repository: Repository) -> None:
        consents = [grant("Consent"), grant("Task")]
        await repository.commit(consents, [created(Thing("one")), replace(created(CONSENT), rules=[DENY, PERMIT])], ())
        second = replace(updated(CONSENT, CONSENT), rules=[PERMIT])
        await repository.commit(consents, [updated(Thing("one"), Thing("one")), second], ())
        assert [(each.effect, each.version) for each in await repository.rules("Patient/1")] == [("permit", 2)]

    run(body)
