"""One page of what a source found: a Bundle of type searchset (https://hl7.org/fhir/R4/http.html#search)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from adapters.contract import Resource, SourceError
from adapters.fhir import outcomes

ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_UUID: Final = "urn:uuid:"


@dataclass(frozen=True, slots=True)
class Page:
    """The ``resources`` of a page, all with an id; ``places`` are their addresses there ("Type/id" by full URL).

    ``itself`` and ``following`` are the links ``self`` and ``next``, "" where there is none.
    """

    resources: list[Resource]
    places: Mapping[str, str]
    itself: str = ""
    following: str = ""


def page(bundle: Resource, kinds: tuple[str, ...] = ("searchset",)) -> Page:
    """Read a Bundle of one of the types ``kinds``; SourceError for anything else, also for one that says that it is not whole."""
    if bundle["resourceType"] == "OperationOutcome":
        raise outcomes.refused(bundle)
    if bundle["resourceType"] != "Bundle" or bundle.get("type") not in kinds:
        raise SourceError("structure", f"the answer is no Bundle of type {' or '.join(kinds)}")
    resources: list[Resource] = []
    places: dict[str, str] = {}
    for resource, url in _entries(bundle):
        if resource["resourceType"] == "OperationOutcome":
            outcomes.check(resource)
            continue
        id_ = _identified(resource, url)
        resources.append(resource)
        if url:
            places[url] = f"{resource['resourceType']}/{id_}"
    links = {str(each.get("relation")): str(each.get("url")) for each in _objects(bundle, "link")}
    return Page(resources, places, links.get("self", ""), links.get("next", ""))


def _entries(bundle: Resource) -> Iterator[tuple[Resource, str]]:
    for entry in _objects(bundle, "entry"):
        resource, url = entry.get("resource"), entry.get("fullUrl", "")
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str) or not isinstance(url, str):
            raise SourceError("structure", "an entry of the answer holds no resource")
        if "implicitRules" in resource:
            raise SourceError("structure", "a resource of the answer goes by implicit rules, which are not known here")
        yield resource, url


def _identified(resource: Resource, url: str) -> str:
    """Return the id of a resource, which gets that of its ``urn:uuid:`` address where it has none."""
    if "id" not in resource and url.startswith(_UUID):
        resource["id"] = url.removeprefix(_UUID)
    id_ = resource.get("id")
    if not isinstance(id_, str) or not ID.fullmatch(id_):
        raise SourceError("structure", "a resource of the answer has no id")
    return id_


def _objects(bundle: Resource, name: str) -> list[dict[str, object]]:
    held = bundle.get(name, [])
    if not isinstance(held, list) or not all(isinstance(each, dict) for each in held):
        raise SourceError("structure", f"Bundle.{name} is no list of objects")
    return held
