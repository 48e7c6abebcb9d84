"""What the door of MedMij works with; ``opening`` puts it together."""

from dataclasses import dataclass, field
from typing import Final

from fastapi import Request
from fastapi.responses import Response

from fhir_server.interactions.services import Services
from fhir_server.medmij.lists.kept import Lists
from fhir_server.medmij.registry import Provider, Registry
from fhir_server.oauth.authority import Authority
from fhir_server.oauth.authorize.desk import Desk, request_id
from fhir_server.oauth.authorize.page import Pages
from fhir_server.oauth.certificate import Certificates
from fhir_server.oauth.failures import Failures

AUTHORIZE: Final = "/medmij/authorize"
TOKEN: Final = "/medmij/token"  # noqa: S105 - a path
LANGUAGE: Final = "nl"


@dataclass(frozen=True, slots=True)
class Back:
    """The way back to the PGO, by its ``name``, and the ``correlation`` id of its request; all "" where it is not known."""

    address: str = ""
    name: str = ""
    correlation: str = ""


NOWHERE: Final = Back()


@dataclass(frozen=True, slots=True)
class Door:
    """The parts. ``certificates`` finds who asks for a token, ``failures`` counts who does so in vain."""

    registry: Registry
    lists: Lists
    services: Services
    desk: Desk
    pages: Pages
    certificates: Certificates
    failures: Failures = field(default_factory=Failures)

    @property
    def authority(self) -> Authority:
        """What gives out codes and tokens."""
        return self.desk.authority

    def service_name(self, provider: Provider, service: str) -> str:
        """Return what people call a data service."""
        return self.lists.name(service) or provider.services[service].name

    def fault(self, request: Request, text: str, status: int, back: Back = NOWHERE) -> Response:
        """Return the page of a technical fault (Technische storing): whom to call, and under which ids it is found.

        Where the PGO is known, a link leads ``back`` to it.
        """
        return self.pages.page(
            "fault",
            LANGUAGE,
            "fault-title",
            status=status,
            message=self.pages.text(LANGUAGE, text),
            called=self.registry.name,
            phone=self.registry.phone,
            trace=back.correlation or request_id(request),
            session=request_id(request),
            back=back.address,
            app=back.name,
        )
