"""Everything the hub has for asking its sources: who they are, how to reach and understand them, how their ids are sealed."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.contract import Source, SourceAdapter, SourceQuery
from fhir_server.federation.answer import Answer, SourceAnswer
from fhir_server.federation.asking import Asking
from fhir_server.federation.credentials import authorization
from fhir_server.federation.fanout import Taking, ask
from fhir_server.federation.guard import Identifier
from fhir_server.federation.holder import HolderConsent
from fhir_server.federation.locate import locate
from fhir_server.federation.pace import Pace
from fhir_server.federation.plan import Capability, Plan, plan
from fhir_server.federation.sealed_id import Seal
from fhir_server.federation.taken import Taken, Use, taken
from fhir_server.federation.traced import NO_TRACE, Trace
from fhir_server.federation.transport import HttpTransport

_ASKING: Final = 7 / 8
"""The part of the budget within which the sources are asked; the rest is for putting together what they answered."""


@dataclass(frozen=True, slots=True)
class Federation:
    """The declared ``sources``, what each adapter answers (``capabilities``), and one transport per source.

    ``budget`` is the number of seconds within which all is answered, ``holder`` what says what holders may give, if any, ``pace``
    how long is worked on an answer before others are served.
    """

    sources: tuple[Source, ...]
    capabilities: Mapping[str, Capability]
    adapter: Callable[[str], SourceAdapter]
    transports: Mapping[str, HttpTransport]
    seal: Seal
    budget: float
    holder: HolderConsent | None = None
    pace: Pace = field(default_factory=Pace)

    @classmethod
    def of(  # noqa: D102 - what the class says
        cls,
        sources: Iterable[Source],
        capabilities: Mapping[str, Capability],
        adapter: Callable[[str], SourceAdapter],
        seal: Seal,
        budget: float,
    ) -> "Federation":
        declared = tuple(sources)
        transports = {each.name: HttpTransport(each, authorization(each, os.environ)) for each in declared}
        return cls(declared, capabilities, adapter, transports, seal, budget)

    def holds(self, type_: str) -> bool:
        """Tell whether any declared source answers questions for ``type_``."""
        return any(type_ in self.capabilities[each.adapter].resource_types for each in self.sources)

    def plan(self, type_: str, organisations: Collection[Identifier]) -> Plan:
        """Plan a question for ``type_`` to the sources of ``organisations`` ((system, value) pairs)."""
        return plan(type_, locate(organisations, self.sources), self.capabilities, self.adapter)

    async def ask(
        self, plan_: Plan, query: SourceQuery, use: Use, trace: Trace = NO_TRACE, asking: Asking | None = None
    ) -> tuple[Answer, ...]:
        """Carry out a plan within the budget, as part of ``trace``; what was asked before in ``asking`` is not asked again.

        Answers that are too large, no FHIR, or about anybody else, are faults; ``use`` is made of each other one as soon as it is
        there, within the time of its source.
        """

        async def make(answer: SourceAnswer) -> Taken:
            return await self.pace.through(taken(answer, query.identifiers, use.make))

        async def show(found: Taken) -> None:
            if isinstance(found.answer, SourceAnswer):
                await self.pace.through(use.show(found.answer, found.merged))

        taking = Taking(use.client, make, show)
        return await ask(plan_, query, self.transports, self.budget * _ASKING, trace, taking, asking)

    async def close(self) -> None:
        """Close every connection to a source."""
        for transport in self.transports.values():
            await transport.close()
