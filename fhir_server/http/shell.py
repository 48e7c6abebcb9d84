"""The FastAPI shell: what is not FHIR REST. Health for operators, discovery and keys for clients."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from fhir_server import __version__
from fhir_server.http.metrics import Metrics
from fhir_server.storage.repository import Repository


def shell(
    repository: Repository, base: str, jwks: Mapping[str, Any], metrics: Metrics, routers: Sequence[APIRouter] = ()
) -> FastAPI:
    """Return the shell of the server whose FHIR base is ``base`` and whose public keys are ``jwks`` (RFC 7517)."""
    app = FastAPI(title="Network dossier hub", version=__version__, docs_url=None, redoc_url=None)
    root = base.removesuffix("/fhir")

    for router in routers:
        app.include_router(router)

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        """Tell that the process runs."""
        return {"status": "ok"}

    @app.get("/health/ready")
    async def ready() -> JSONResponse:
        """Tell whether requests can be served: the database answers."""
        able = await repository.ready()
        return JSONResponse({"status": "ok" if able else "database unavailable"}, 200 if able else 503)

    @app.get("/metrics")
    async def measured() -> Response:
        """Tell what was counted in this process, for Prometheus."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/oauth/jwks")
    async def keys() -> Mapping[str, Any]:
        """Publish the keys that access tokens are signed with."""
        return jwks

    @app.get("/.well-known/smart-configuration")
    @app.get("/fhir/.well-known/smart-configuration")
    async def smart_configuration() -> dict[str, Any]:
        """Describe the authorization side (https://hl7.org/fhir/smart-app-launch/conformance.html)."""
        return {
            "issuer": root,
            "jwks_uri": f"{root}/oauth/jwks",
            "scopes_supported": ["system/*.cruds", "user/*.cruds", "patient/*.rs"],
            "capabilities": ["permission-patient", "permission-user", "permission-v2"],
        }

    return app
