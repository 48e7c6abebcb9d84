"""A PGO, as far as HTTP goes: it sends a client to the door of MedMij, and collects with what comes back."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from flows.client import Client, Demo, Reply
from flows.visitor import Page, Visitor

CORRELATION = "0f2b8a3c-6a5e-4a56-9a3d-3b1f0c6e7d10"
TA = "MedicationDispense?category=" + quote("http://snomed.info/sct|422037009")
ALONG = "".join(
    f"&{each}"
    for each in (
        "_include=MedicationDispense:medication",
        "_include=MedicationDispense:subject",
        "_include=MedicationDispense:performer",
        "_include:iterate=PractitionerRole:organization",
        "_include:iterate=PractitionerRole:practitioner",
        "_include:iterate=PractitionerRole:location",
    )
)
DISPENSED = "9000000012"


@dataclass
class Pgo:
    """The PGO of the demo; ``visitor`` is the browser of its user."""

    demo: Demo
    visitor: Visitor = field(init=False)

    def __post_init__(self) -> None:
        self.visitor = Visitor(self.demo.port)

    @property
    def facts(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.demo.facts["medmij"]
        return found

    def query(self, **changed: str | None) -> str:
        given: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.facts["client_id"],
            "redirect_uri": self.facts["redirect_uri"],
            "scope": self.facts["provider"],
            "state": "s&1=ü",
            "MedMij-Request-ID": str(uuid.uuid4()),
            "X-Correlation-ID": CORRELATION,
            **{name.replace("__", "-"): value for name, value in changed.items()},
        }
        return urlencode({name: value for name, value in given.items() if value is not None})

    def ask(self, **changed: str | None) -> Page:
        return self.visitor.get(f"/medmij/authorize?{self.query(**changed)}")

    def log_in(self, person: str = "", **changed: str | None) -> Page:
        """Return the page after the log-in: the question for consent, or why there is none."""
        page = self.ask(**changed)
        assert page.status == 200, page.text
        page = self.visitor.follow(self.visitor.send(page.form("/authorize"), ("step", "login")))
        return self.visitor.follow(
            self.visitor.send(page.form("/login/development"), ("reference", person or self.facts["person"]))
        )

    def agree(self, *fields: tuple[str, str], person: str = "", **changed: str | None) -> Page:
        """Return the redirect to the PGO after the client said yes."""
        page = self.log_in(person, **changed)
        assert page.status == 200, page.text
        return self.visitor.send(page.form("/authorize"), ("step", "approve"), *fields)

    def code(self, *fields: tuple[str, str], **changed: str | None) -> str:
        return self.agree(*fields, **changed).answer_of(302)["code"]

    def exchange(self, code: str, *, headers: Mapping[str, str] | None = None, **changed: str | None) -> Reply:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.facts["redirect_uri"], **changed}
        return self.token({"client_id": self.facts["client_id"], **form}, headers)

    def refresh(self, token: str, **changed: str | None) -> Reply:
        return self.token({"grant_type": "refresh_token", "refresh_token": token, "client_id": self.facts["client_id"], **changed})

    def token(self, form: Mapping[str, str | None], headers: Mapping[str, str] | None = None) -> Reply:
        sent = self.facts["token_headers"] if headers is None else headers
        given = {name.replace("-", "_"): value for name, value in sent.items()}
        body = urlencode({name: value for name, value in form.items() if value is not None}).encode()
        return Client(self.demo.port).request(
            "POST", "/medmij/token", body, Content_Type="application/x-www-form-urlencoded", **given
        )

    def base(self, service: str = DISPENSED, provider: str = "") -> str:
        return f"/medmij/{provider or self.facts['provider']}/{service}/fhir"

    def collect(self, token: str, what: str, base: str = "", **headers: str) -> Reply:
        return Client(self.demo.port, token).get(f"{base or self.base()}/{what}", **headers)
