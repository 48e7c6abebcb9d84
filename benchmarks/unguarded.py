"""The hub without what guards it: no token, no predicate of the gate, no record. Only to be measured against, on loopback."""

import os
import sys
from typing import Any

import uvloop
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from fhir_server.access.actor import Actor, local_system
from fhir_server.bootstrap import open_services
from fhir_server.http.fhir import FhirApplication
from fhir_server.http.metrics import Metrics
from fhir_server.http.origin import Proxies
from fhir_server.settings import read_settings
from fhir_server.storage.repository import AuditRow


class _Anybody:
    """Takes everybody for the system, without a look at what they bring."""

    def __init__(self) -> None:
        self._actor = local_system()

    def known(self, *_: Any) -> Actor:  # noqa: ANN401 - whatever the door shows
        """Return the system."""
        return self._actor


async def main(port: int) -> None:
    """Serve on ``port`` until a signal ends it."""
    services = await open_services(read_settings(os.environ))

    async def forget(_: AuditRow) -> None:
        """Record nothing."""

    services.repository.record = forget  # type: ignore[method-assign]
    anybody: Any = _Anybody()
    app = FhirApplication(services, anybody, Metrics(), Proxies(()))

    async def serve(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        if scope["type"] == "http":
            await app(scope, receive, send)

    await Server(serve, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_level=LogLevels.error).serve()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
