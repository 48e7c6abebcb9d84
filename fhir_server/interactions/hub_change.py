"""A change that the hub makes itself: what follows from somebody's write, or what an operation does in the dossier."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from fhir_server.interactions.derived import members_of
from fhir_server.interactions.services import Services
from fhir_server.model.json import own, write
from fhir_server.model.meta import instant
from fhir_server.network.circle import circle, circle_of_origin
from fhir_server.search.extract import extract
from fhir_server.search.lately import Lately
from fhir_server.search.parts import Parts
from fhir_server.storage.repository import Change, Stored

_lately = Lately()


def origin_change(services: Services, provenance: Mapping[str, Any], about: Iterable[Change], at: int) -> Change:
    """Return the change that stores where ``about`` come from: for who sees these, with the labels of all of them."""
    known = list(about)
    given = [label for each in known for label in own(each.body).get("meta", {}).get("security", ())]
    labels = [each for number, each in enumerate(given) if each not in given[:number]]
    made = {**provenance, "meta": {"security": labels}} if labels else provenance
    circles = {each.reference: each.circle for each in known}
    return replace(hub_change(services, made, None, at), circle=circle_of_origin(made["id"], circles))


def hub_change(
    services: Services,
    resource: Mapping[str, Any],
    previous: Stored | None,
    at: int,
    before: Mapping[str, Any] | None = None,
    parts: Parts | None = None,
) -> Change:
    """Return the change that makes ``resource`` the next version after ``previous`` (None: there is none) at ``at`` (microseconds).

    No grant is asked for it: whoever lets the hub do this has decided by then that it is to be done. The resource must be valid.
    ``before`` is what ``previous`` says, where that was read already; ``parts`` are kept by who makes several that are alike.
    """
    entry = services.catalog.indexing(resource["resourceType"])
    version = previous.version if previous else 0
    kept = {name: value for name, value in resource.get("meta", {}).items() if name not in {"versionId", "lastUpdated"}}
    meta = {"versionId": str(version + 1), "lastUpdated": instant(at), **kept}
    rest = {name: value for name, value in resource.items() if name not in {"resourceType", "id", "meta"}}
    made = {"resourceType": resource["resourceType"], "id": resource["id"], "meta": meta, **rest}
    base, body = services.base, write(made)
    replaced = None
    if previous is not None and not previous.deleted:
        was, text = before, previous.body
        replaced = _lately.of(text, entry, base, lambda: extract(was or own(text), entry, base, parts=parts))
    return Change(
        type=made["resourceType"],
        id=made["id"],
        expected=version,
        updated=at,
        body=body,
        indexed=_lately.of(body, entry, base, lambda: extract(made, entry, base, parts=parts)),
        previous=replaced,
        members=members_of(made, base),
        circle=circle(made, base),
        by_hub=True,
        put=previous is not None and previous.deleted,
    )
