"""What the consents of a client let a caller see of each source: decided before it is asked, and again for what it answers."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from adapters.contract import Source
from fhir_server.access.break_glass import PURPOSE, decide_in_emergency
from fhir_server.access.consent import Decision, Item, Request
from fhir_server.federation.guard import Identifier
from fhir_server.federation.merge import Merged
from fhir_server.federation.plan import Plan
from fhir_server.storage.consent_rule import Rule

CLOSED = "closed:"
"""Before what kept a source closed, in the basis of a line of the record: who asked is not to learn it."""


@dataclass(frozen=True, slots=True)
class Consents:
    """Who asks (``request``, of which holder and data are still to be said), and the ``rules`` of the client's consents.

    ``categories`` ("system|code") are those of what is asked for: one of them must be open. ``of_type`` are the categories of the
    types that have one of their own, what only comes along with them left out. ``kinds`` are the types of the organisations.
    ``reason`` is why the glass is broken.
    """

    request: Request
    rules: tuple[Rule, ...]
    categories: tuple[str, ...]
    of_type: Mapping[str, str]
    kinds: Mapping[Identifier, tuple[str, ...]]
    reason: str = ""
    known: dict[tuple[str, str], Decision] = field(default_factory=dict)

    def source(self, source: Source) -> Decision:
        """Return whether ``source`` may be asked; when it may not, why the first category is closed."""
        decisions = [self._decision(source, category) for category in self.categories]
        return next((each for each in decisions if each.permit), decisions[0])

    def shows(self, merged: Merged, item: Callable[[Merged], Item], part: str = "") -> bool:
        """Tell whether a resource that came may be shown; ``item`` says what is known of it, where that matters.

        ``part`` is its category where that is another one than that of its type.
        """
        own = part or self.of_type.get(merged.type)
        return any(self._shows(merged, category, item) for category in ((own,) if own else self.categories))

    def _shows(self, merged: Merged, category: str, item: Callable[[Merged], Item]) -> bool:
        decision = self._decision(merged.source, category)
        by_item = decision.residual or self.request.is_self or self.request.purpose == PURPOSE
        if not decision.permit or not by_item:
            return decision.permit
        asked = replace(self._asked(merged.source, category), item=item(merged))
        return decide_in_emergency(asked, self.rules, self.reason).permit

    def _decision(self, source: Source, category: str) -> Decision:
        place = source.name, category
        if place not in self.known:
            self.known[place] = decide_in_emergency(self._asked(source, category), self.rules, self.reason)
        return self.known[place]

    def _asked(self, source: Source, category: str) -> Request:
        kinds = tuple(kind for each in source.organisation for kind in self.kinds.get(each, ()))
        holder = tuple(f"{system}|{value}" for system, value in source.organisation)
        return replace(self.request, category=category, holder=holder, holder_kinds=kinds or None)


def opened(plan: Plan, consents: Consents) -> tuple[Plan, tuple[str, ...]]:
    """Return the steps of ``plan`` that consent permits, and the basis of the decision on each, open or not."""
    decisions = [(step, consents.source(step.source)) for step in plan]
    basis = dict.fromkeys(word for step, decision in decisions for word in _basis(step.source.name, decision))
    return tuple(step for step, decision in decisions if decision.permit), tuple(basis)


def _basis(source: str, decision: Decision) -> Iterator[str]:
    words = (*decision.reasons[:1], *versions(decision.rules))
    yield from words if decision.permit else (f"{CLOSED}{source}={word}" for word in words)


def versions(rules: Iterable[Rule]) -> Iterator[str]:
    """Yield the Consents that ``rules`` come from, each with its version, "Consent/id/_history/version"."""
    return (f"{rule.consent}/_history/{rule.version}" for rule in rules)
