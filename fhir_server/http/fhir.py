"""The FHIR application: bytes in, one decision, one record, bytes out. A raw ASGI application, for speed."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from fhir_server.access.actor import Actor, Role
from fhir_server.access.rates import DETAIL as RATE_LIMITED
from fhir_server.audit.record import NOWHERE, Origin, row
from fhir_server.errors import BadRequest, FhirError, NotAcceptable, TooMany, TooSlow, UnsupportedMedia
from fhir_server.http import binary, multipart
from fhir_server.http.data_service import Authentication, DataService
from fhir_server.http.encoding import takes_gzip
from fhir_server.http.incoming import BODIES, Incoming
from fhir_server.http.metrics import Metrics
from fhir_server.http.negotiate import Wanted, accepted, format_of_body, format_of_patch, wanted
from fhir_server.http.origin import Proxies, trace_of
from fhir_server.http.request import Headers, Receive, Request, Scope, Send, body_of, correlation_of, presented, request_of
from fhir_server.http.response import send_answer
from fhir_server.http.usual import Usual, UsualRequests, Words
from fhir_server.interactions import admission, as_stored, break_glass, capabilities
from fhir_server.interactions.allow import routed
from fhir_server.interactions.attachments import FOLDER
from fhir_server.interactions.bundle import process
from fhir_server.interactions.call import WHOLE_SYSTEM, Answer, Call
from fhir_server.interactions.failure import answer_of, failed, unrecorded
from fhir_server.interactions.handlers import FILES, HANDLERS
from fhir_server.interactions.recorded import recorded
from fhir_server.interactions.route import BUNDLE, DOWNLOAD, UPLOAD, Route
from fhir_server.interactions.services import Services
from fhir_server.model import json, xml
from fhir_server.oauth.refusal import NONCE
from fhir_server.operations import DECLARED, OPERATIONS, ROUTES
from fhir_server.operations.paper import may_be_printed
from fhir_server.search.query_string import parse_query
from fhir_server.storage.repository import AuditRow

PREFIX: Final = "/fhir"

_HANDLERS: Final = {**HANDLERS, **FILES, **OPERATIONS}
_JSON: Final = Wanted()
_UNKNOWN: Final = Route("unknown")
_REFUSED: Final = 400


@dataclass(slots=True)
class _Step:
    """How far one request has come: what its record will say when it fails here."""

    request: str
    now: int
    head: bool
    wanted: Wanted | None = None
    actor: Actor | None = None
    route: Route = _UNKNOWN
    call: Call | None = None
    parameters: Sequence[tuple[str, str]] = ()
    compress: bool = False
    unstored: bool = False
    correlation: str = ""
    nonce: str = ""
    origin: Origin = NOWHERE


class FhirApplication:
    """Serves ``/fhir``: ``bearer`` turns what a request shows, and the moment (microseconds), into an Actor."""

    def __init__(
        self,
        services: Services,
        bearer: Authentication,
        metrics: Metrics,
        proxies: Proxies | None = None,
        *,
        cors: bool = False,
        service: DataService | None = None,
    ) -> None:
        """Serve with ``services``, and count in ``metrics``; what ``proxies`` say of whom they speak for is believed.

        ``cors``: somebody lets apps in browsers call it, which is declared. ``service`` narrows it to a data service of MedMij.
        """
        self._service = service
        self._prefix = service.prefix if service else PREFIX
        self._proxies = proxies or Proxies()
        self._metrics = metrics
        self._services = services
        self._bearer = bearer
        self._usual = UsualRequests(self._prefix, services.catalog.types)
        references = (*capabilities.REFERENCES, *([capabilities.ENFORCED] if services.referential_integrity else []))
        self._capabilities = capabilities.Capabilities(
            services.catalog, services.base, references, DECLARED, services.ozo, cors=cors
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; every outcome, failures included, leaves exactly one line in the record."""
        services = self._services
        step = _Step(services.new_id(), services.clock(), scope["method"] == "HEAD")
        headers = Headers(scope["headers"])
        trace = trace_of(headers, step.request)
        step.origin = Origin(trace.recorded, self._proxies.caller(scope, headers), trace.flags)
        if self._service:
            step.origin = self._service.origin(headers, step.origin)
        incoming = Incoming(receive) if scope["method"] in BODIES else None
        try:
            answer = await self._answer(scope, incoming or receive, headers, step)
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller gets an OperationOutcome
            told = self._service.told(error) if self._service and isinstance(error, FhirError) else error
            answer = failed(told, step.request)
        if step.actor is None:
            answer = self._unrecognised(step, answer)
        if not answer.recorded:
            answer = await self._record(step, answer)
        if incoming and answer.status >= _REFUSED and answer.status != TooSlow.status:  # who is too slow is not waited for again
            await incoming.discard(headers)
        answer.headers = (*answer.headers, ("traceparent", trace.header))
        if self._service:
            answer.headers = (*answer.headers, *self._service.echoed(headers))
        if step.correlation:
            answer.headers = (*answer.headers, ("x-correlation-id", step.correlation))
        if step.nonce:
            answer.headers = (*answer.headers, (NONCE, step.nonce))
        if step.unstored:
            answer.headers = (*answer.headers, admission.NOT_KEPT)
        format_ = step.wanted or accepted(headers.get("accept"))
        versioned = self._service is not None and "fhirversion" in headers.get("accept").lower()
        await send_answer(send, answer, format_, step.request, head=step.head, compress=step.compress, versioned=versioned)
        interaction = step.call.interaction if step.call else step.route.interaction
        self._metrics.count(interaction, step.route.type, answer.status, services.clock() - step.now)

    async def _answer(self, scope: Scope, receive: Receive, headers: Headers, step: _Step) -> Answer:
        step.correlation = correlation_of(headers)
        words = self._usual.words(scope, headers)
        call = await self._known(words, headers, step) if words else None
        if call is None:
            call = await self._admitted(scope, receive, headers, step)
            if call is None:
                if self._service:
                    return self._service.capabilities(step.parameters)
                return self._capabilities.answer(step.parameters, step.actor.role if step.actor else None)
            if words and step.wanted:
                usual = Usual(call.interaction, call.type, step.parameters, step.wanted, step.compress, step.unstored)
                self._usual.keep(words, call.actor, usual)
        handle = process if call.interaction == BUNDLE else _HANDLERS[call.interaction]
        answer = binary.fetched(call, await as_stored.answered(call, await handle(call)))
        if self._service:
            answer = self._service.shown(call, answer)
        if step.route.interaction == DOWNLOAD:
            answer.headers = (*answer.headers, *binary.SANDBOX)
        return answer

    async def _known(self, words: Words, headers: Headers, step: _Step) -> Call | None:
        """Return the call for a request that was admitted before in the same words, None for one that was not."""
        actor = self._bearer.known(headers.raw("authorization"), step.now)
        usual = self._usual.meant(words, actor) if actor else None
        if actor is None or usual is None:
            return None
        step.actor = actor
        interaction, type_, step.parameters, step.wanted, step.compress, step.unstored = usual
        step.route = Route(interaction, type_, words[1])
        self._services.rates.charge(actor, step.now)
        step.actor = await self._services.standings.of(actor, step.now)
        step.call = self._new_call(step, step.actor, headers)
        return step.call

    async def _admitted(self, scope: Scope, receive: Receive, headers: Headers, step: _Step) -> Call | None:
        """Find out what is asked, and by whom, and return the call when it is admitted; None for what is declared to anybody."""
        request = request_of(scope, self._prefix, headers)
        step.compress = takes_gzip(request.headers.get("accept-encoding"))
        step.parameters = parse_query(request.query) if request.query else ()
        mode = self._services.ozo
        step.unstored = admission.may_go_unstored(mode, request.headers.get("cache-control"))
        step.wanted = self._wanted(request, step.parameters)
        if mode.operations and any(each.startswith("$") for each in request.segments):
            step.actor = await self._actor(scope, request, step)
            admission.require_no_operation(mode, step.actor.role, request.segments)
        step.route = routed(self._services.catalog, request.method, request.segments, step.parameters, ROUTES)
        if step.route.interaction == "capabilities":
            await self._anybody(scope, request, step)
            return None
        step.actor = step.actor or await self._actor(scope, request, step)
        self._services.rates.charge(step.actor, step.now)
        step.actor = await self._services.standings.of(step.actor, step.now)
        collected = None
        if self._service:
            collected = self._service.admitted(step.actor, request.method, step.route, step.parameters)
        step.call = await self._call(request, receive, step, step.actor)
        step.call.collected = collected
        self._require_json(request, step, step.actor.role)
        await break_glass.admit(step.call)
        admission.admit(step.call)
        return step.call

    async def _actor(self, scope: Scope, request: Request, step: _Step) -> Actor:
        authorization = request.headers.raw("authorization")
        known = self._bearer.known(authorization, step.now)
        if known is not None:
            return known
        shown = presented(scope, authorization, self._services.base, self._prefix)
        actor = await self._bearer.actor(shown, step.now)
        step.nonce = self._bearer.nonce(shown, step.now)
        return actor

    async def _anybody(self, scope: Scope, request: Request, step: _Step) -> None:
        """Find out who asks what is declared; who shows no token, or none that is good for anything, is anybody."""
        if request.headers.raw("authorization"):
            with suppress(FhirError):
                step.actor = await self._actor(scope, request, step)
        if step.actor:
            self._services.rates.charge(step.actor, step.now)
        self._require_json(request, step, step.actor.role if step.actor else None)

    def _require_json(self, request: Request, step: _Step, role: Role | None) -> None:
        spoken = [step.wanted.format] if step.wanted else []
        if request.method in {"POST", "PUT"} and "xml" in request.headers.get("content-type"):
            spoken.append("xml")
        try:
            admission.require_json(self._services.ozo, role, *spoken)
        except BadRequest:
            step.wanted = _JSON
            raise

    def _wanted(self, request: Request, parameters: Sequence[tuple[str, str]]) -> Wanted:
        try:
            return wanted(request.headers.get("accept"), parameters)
        except (NotAcceptable, BadRequest) as error:
            if error.issues[0].detail != NotAcceptable.detail:
                raise
            if binary.may_be_fetched(request, parameters) or may_be_printed(request.segments) or request.segments[:1] == (FOLDER,):
                return _JSON  # for whatever goes wrong: the content itself is in its own format
            admission.require_json(self._services.ozo, None, "other")
            raise

    def _new_call(self, step: _Step, actor: Actor, headers: Headers) -> Call:
        found = step.route
        return Call(
            services=self._services,
            actor=actor,
            interaction=found.interaction,
            entry=self._services.catalog.types[found.type] if found.type else WHOLE_SYSTEM,
            id=found.id,
            version=found.version,
            within=found.within,
            parameters=step.parameters,
            headers=headers,
            request=step.request,
            now=step.now,
            origin=step.origin,
        )

    async def _call(self, request: Request, receive: Receive, step: _Step, actor: Actor) -> Call:
        call = self._new_call(step, actor, request.headers)
        if call.interaction == UPLOAD:
            attachments = self._services.attachments
            call.upload = multipart.parts(receive, request.headers, attachments.limit, attachments.seconds)
        elif request.method in {"POST", "PUT", "PATCH"}:
            await self._read_body(request, receive, call)
            step.parameters = call.parameters
            if call.posted:
                step.wanted = wanted(request.headers.get("accept"), step.parameters)
        return call

    async def _read_body(self, request: Request, receive: Receive, call: Call) -> None:
        body = await self._body(request, receive)
        content_type = request.headers.get("content-type")
        if call.interaction in {"search-type", "search-system"}:
            call.posted = True
            if body and not content_type.lower().startswith("application/x-www-form-urlencoded"):
                raise UnsupportedMedia("A search is posted as application/x-www-form-urlencoded.")
            call.parameters = [*call.parameters, *parse_query(body, form=True)]
        elif call.interaction in OPERATIONS and not body:
            return
        elif call.interaction == "patch":
            call.patch = format_of_patch(content_type)
            call.body = json.write(xml.read(body, self._services.limits)) if call.patch == "parameters" else body
        elif binary.is_content(call, body, content_type, self._services.limits):
            call.body = binary.resource(call, body, request.headers, self._services.limits)
        elif format_of_body(content_type) == "xml":
            call.body = json.write(xml.read(body, self._services.limits))
        else:
            call.body = body

    async def _body(self, request: Request, receive: Receive) -> bytes:
        limits = self._services.limits
        try:
            async with asyncio.timeout(limits.seconds):
                return await body_of(receive, request.headers, limits.size)
        except TimeoutError:
            raise TooSlow(f"The body did not come within {limits.seconds:g} seconds. Send it again, or in parts.") from None

    def _unrecognised(self, step: _Step, answer: Answer) -> Answer:
        """Return ``answer`` to who showed no token that is good for anything, unless too many come from that address."""
        try:
            self._services.rates.charge_address(step.origin.address, step.now)
        except TooMany as error:
            return answer_of(error)
        return answer

    async def _record(self, step: _Step, answer: Answer) -> Answer:
        if answer.refusal == RATE_LIMITED and not self._services.rate_refusals.is_new(step.actor, step.origin):
            return answer
        try:
            line = (
                await recorded(step.call, answer) if step.call else _line(step, answer, self._service.name if self._service else "")
            )
            await self._services.repository.record(line)
        except Exception as error:  # noqa: BLE001 - log or no data: an answer that cannot be recorded is not given
            return unrecorded(error, step.request)
        return answer


def _line(step: _Step, answer: Answer, service: str) -> AuditRow:
    """Return the line for a request that never became a call: refused at the door, or for nobody in particular.

    ``service`` is the name of the data service that it was sent to, "" for none.
    """
    return row(
        step.actor,
        step.route.interaction,
        answer.status,
        step.now,
        step.request,
        type_=step.route.type,
        id_=step.route.id,
        dossier=f"Patient/{step.route.id}" if step.route.type == "Patient" and step.route.id else "",
        parameters=step.parameters,
        origin=step.origin,
        basis=answer.refusal,
        service=service,
    )
