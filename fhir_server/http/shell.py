"""The FastAPI shell: what is not FHIR REST. Health for operators, and the doors that others bring along."""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from fhir_server import __version__
from fhir_server.http.metrics import Metrics
from fhir_server.storage.repository import Repository


def shell(repository: Repository, metrics: Metrics, routers: Iterable[APIRouter] = ()) -> FastAPI:
    """Return the shell, with the routes of ``routers`` beside its own."""
    app = FastAPI(title="Network dossier hub", version=__version__, docs_url=None, redoc_url=None)

    @app.get("/health/live")
    async def live() -> JSONResponse:
        """Tell that the process runs."""
        return JSONResponse({"status": "ok"})

    @app.get("/health/ready")
    async def ready() -> JSONResponse:
        """Tell whether requests can be served: the database answers and takes what is written, a line of the record at least."""
        if not await repository.ready():
            return JSONResponse({"status": "database unavailable"}, 503)
        able = await repository.writable()
        return JSONResponse({"status": "ok" if able else "nothing can be written"}, 200 if able else 503)

    @app.get("/metrics")
    async def measured() -> Response:
        """Tell what was counted in this process, for Prometheus."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    for router in routers:
        app.include_router(router)
    return app
