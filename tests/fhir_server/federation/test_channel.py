"""What an adapter asks with: each message is a span of the trace, and what is asked first is asked once for a client."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.contract import Response
from fhir_server.federation.asking import Asking
from fhir_server.federation.channel import Channel
from fhir_server.federation.traced import NO_TRACE, Trace

TRACE = Trace("0af7651916cd43dd8448eb211c80319c", "01")


@dataclass
class Sent:
    headers: list[Mapping[str, str]] = field(default_factory=list)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        return await self.get(f"{url}{body!r}", headers)

    async def get(self, url: str, headers: Mapping[str, str]) -> Response:
        self.headers.append(headers)
        return Response(200, url.encode())


def test_each_message_is_a_span_of_its_own() -> None:
    sent = Sent()

    async def both(trace: Trace) -> None:
        channel = Channel(sent, trace, "q.1", Asking(), "linde")
        await channel.post("u", b"", {"Accept": "x"})
        await channel.get("u", {"Accept": "x"})

    asyncio.run(both(TRACE))
    spans = [each["traceparent"].split("-") for each in sent.headers]
    assert [(span[1], span[3]) for span in spans] == [TRACE, TRACE]
    assert spans[0][2] != spans[1][2]
    asyncio.run(both(NO_TRACE))
    assert sent.headers[2:] == [{"Accept": "x"}] * 2


def test_what_is_asked_once_is_so_for_one_source_and_client() -> None:
    times = []

    async def ask() -> int:
        times.append(1)
        return len(times)

    async def several() -> list[int]:
        asking = Asking()
        here, there = (Channel(Sent(), NO_TRACE, "q", asking, place) for place in (("linde", "Patient/1"), ("linde", "Patient/2")))
        return [await each.once(question, ask) for each in (here, here, there) for question in ("capabilities", "patient")]

    assert asyncio.run(several()) == [1, 2, 1, 2, 3, 4]
