"""E-mail to subscribers, with a mail server on this machine: to their own address, and about nobody."""

from collections.abc import Iterator

import pytest
from dossier_room import CLIENT, DAUGHTER, DOCTOR, NETWORK, NURSE, SYSTEM, actor
from flows.test_subscription import Bureau, bureau_open
from flows.test_topics import Json, subscribe, topical
from hook import hook_running
from smtp_server import MailServer, mail_server

from fhir_server.audit.record import row
from fhir_server.errors import FhirError
from fhir_server.interactions.access_notices import AccessNotices
from fhir_server.model.json import write
from fhir_server.settings import SettingsError, read_settings
from fhir_server.subscriptions.manner import BACKPORT

OWN = "nurse@care.example"


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with mail_server() as opened:
        yield opened


@pytest.fixture(scope="module")
def bureau(server: MailServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    given = {"FHIR_SERVER_SMTP_URL": server.url, "FHIR_SERVER_SMTP_SENDER": "hub@dossier.example"}
    with hook_running() as hook, bureau_open(tmp_path_factory.mktemp("mail"), "", hook, **given) as opened:
        (nurse,) = [each for each in opened.room.stored("Practitioner") if each["id"] == "nurse"]
        opened.room.write(SYSTEM, nurse | {"telecom": [{"system": "email", "value": OWN}]})
        yield opened


def mailed(endpoint: str, content: str = "empty", **channel: object) -> Json:
    return topical("message", endpoint, content=content, type="email", **channel)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first retries come at once."""
    monkeypatch.setattr("fhir_server.subscriptions.backoff.FIRST", (10_000, 20_000))


@pytest.mark.usefixtures("quick")
def test_an_e_mail_says_that_there_is_something_new_and_no_more(bureau: Bureau, server: MailServer) -> None:
    subscribe(bureau, NURSE, "/mail", mailed(f"mailto:{OWN.upper()}"))
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    server.refusals = 1
    sent = bureau.room.reply(DAUGHTER, thread)
    bureau.until(lambda: len(server.taken) == 1)
    (message,) = server.taken
    assert (message["To"], message["From"]) == (OWN.upper(), "hub@dossier.example")
    text = message.get_content()
    assert "Log in om het te lezen: http://127.0.0.1:8000" in text
    assert "There is something new for you" in text
    for word in ("client", "daughter", "answer", sent.partition("/")[2], "Communication"):
        assert word.lower() not in str(message).lower()
    (nurse,) = [each for each in bureau.room.stored("Practitioner") if each["id"] == "nurse"]
    bureau.room.write(SYSTEM, nurse | {"telecom": [{"system": "email", "value": "other@care.example"}]})
    bureau.room.reply(DAUGHTER, thread)
    bureau.settle()
    assert len(server.taken) == 1  # the address is not hers any more
    bureau.room.write(SYSTEM, nurse | {"telecom": [{"system": "email", "value": OWN}]})


def test_a_client_is_written_to_at_an_own_address_alone(bureau: Bureau, server: MailServer) -> None:
    (client,) = [each for each in bureau.room.stored("Patient") if each["id"] == "client"]
    for address in ("client@home.example", OWN):
        with pytest.raises(FhirError) as refused:
            bureau.room.write(CLIENT, mailed(f"mailto:{address}"))
        assert (refused.value.status, refused.value.issues[0].expression) == (403, "Subscription.channel.endpoint")
    bureau.room.write(SYSTEM, client | {"telecom": [{"system": "email", "value": "Client@home.example"}]})
    before = len(server.taken)
    subscribe(bureau, CLIENT, "/client", mailed("mailto:client@home.example"))
    thread = bureau.room.thread(CLIENT, [NETWORK])
    bureau.room.reply(DOCTOR, thread)
    bureau.until(lambda: "client@home.example" in {each["To"] for each in server.taken[before:]})
    bureau.settle()
    before = len(server.taken)
    notice_of_access(bureau)
    bureau.settle()
    assert [each["To"] for each in server.taken[before:]] == ["client@home.example"]
    bureau.room.write(SYSTEM, client)
    before = len(server.taken)
    bureau.room.reply(DOCTOR, thread)
    bureau.settle()
    assert "client@home.example" not in {each["To"] for each in server.taken[before:]}


def notice_of_access(bureau: Bureau) -> None:
    """Let the client choose to be told who looked, and the day be over."""
    services, chosen = bureau.room.services, {"name": "on", "valueBoolean": True}
    bureau.room.operate(CLIENT, "access-notices", CLIENT, write({"resourceType": "Parameters", "parameter": [chosen]}))
    looked = row(actor(DOCTOR), "read", 200, services.clock(), "r", type_="Patient", id_="client", dossier=CLIENT)
    bureau.room.runner.run(services.repository.record(looked))
    bureau.room.runner.run(services.repository.project_record())
    bureau.room.runner.run(AccessNotices()(services, services.clock() + 2 * 86_400_000_000))


HEARTBEAT = [{"url": BACKPORT + "backport-heartbeat-period", "valueUnsignedInt": 60}]
REFUSED = [
    (mailed("mailto:somebody@else.example"), 403, "channel.endpoint"),
    (mailed("https://platform.example/"), 422, "channel.endpoint"),
    (mailed(f"mailto:{OWN}\r\nBcc: x@y.example"), 422, "channel.endpoint"),
    (mailed(f"mailto:{OWN}", "id-only"), 422, "channel"),
    (mailed(f"mailto:{OWN}", extension=HEARTBEAT), 422, "channel"),
]


@pytest.mark.parametrize(("made", "status", "place"), REFUSED)
def test_what_is_refused(bureau: Bureau, made: Json, status: int, place: str) -> None:
    with pytest.raises(FhirError) as refused:
        bureau.room.write(NURSE, made)
    if "\r" not in made["channel"]["endpoint"]:
        assert (refused.value.status, refused.value.issues[0].expression) == (status, f"Subscription.{place}")


def test_there_is_no_e_mail_without_a_server(bureau: Bureau) -> None:
    object.__setattr__(bureau.room.services.subscriptions, "mail", False)
    with pytest.raises(FhirError) as refused:
        bureau.room.write(NURSE, mailed(f"mailto:{OWN}"))
    assert (refused.value.status, refused.value.issues[0].expression) == (422, "Subscription.channel.type")


@pytest.mark.parametrize("given", [{"SMTP_URL": "http://x"}, {"SMTP_URL": "smtp://mail.example:25"}])
def test_settings_that_cannot_be(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        read_settings({f"FHIR_SERVER_{name}": value for name, value in given.items()})
