"""Resources that were made one by one, put together: references lead somewhere, and the lines of a report are in it."""

from collections.abc import Iterator

from mappings.engine import Resource, Result
from mappings.targets import in_order


def put_together(result: Result) -> list[Resource]:
    """Return the resources: each reference leads to one of them or names what it means by identifier, and no line stands alone."""
    lines = {address for report in _of_type(result, "Composition") for address in _lines(report)}
    for address, report in list(result.resources.items()):
        if report["resourceType"] == "Composition":
            result.resources[address] = _with_lines(report, result)
    kept = {address: resource for address, resource in result.resources.items() if address not in lines}
    for resource in kept.values():
        for reference in _references(resource):
            _settle(reference, kept)
    return list(kept.values())


def _of_type(result: Result, type_: str) -> list[Resource]:
    return [resource for resource in result.resources.values() if resource["resourceType"] == type_]


def _entries(report: Resource) -> Iterator[Resource]:
    sections = report.get("section")
    for section in sections if isinstance(sections, list) else ():
        yield from section.get("entry", ())


def _lines(report: Resource) -> list[str]:
    return [str(entry["reference"]) for entry in _entries(report)]


def _with_lines(report: Resource, result: Result) -> Resource:
    """Contain the lines of a report in it: they are nothing by themselves, and are shown to whom the report is shown."""
    contained: dict[str, Resource] = {}
    for entry in _entries(report):
        line = result.resources[str(entry["reference"])]
        contained[str(line["id"])] = {name: value for name, value in line.items() if name != "meta"}
        entry["reference"] = f"#{line['id']}"
    return in_order(report | {"contained": list(contained.values())}) if contained else report


def _settle(reference: Resource, kept: dict[str, Resource]) -> None:
    target = str(reference["reference"])
    if target.startswith("#") or target in kept:
        reference.pop("identifier", None)
    else:
        del reference["reference"]


def _references(value: object) -> Iterator[Resource]:
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value
        for each in list(value.values()):
            yield from _references(each)
