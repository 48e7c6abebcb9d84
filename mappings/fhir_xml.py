"""FHIR XML (https://hl7.org/fhir/R4/xml.html) as JSON-shaped dicts: enough to read expected results for comparison.

It trusts its input and keeps what it finds: an element that occurs more often than R4 allows becomes a list.
"""

from decimal import Decimal

from lxml import etree

from profiles.definitions import Element, resource_types, type_definition

_NAMESPACE = "{http://hl7.org/fhir}"
_NUMBERS = {"decimal": Decimal, "integer": int, "positiveInt": int, "unsignedInt": int}


def read_resource(payload: bytes) -> dict[str, object]:
    """Read one resource; lxml's XMLSyntaxError or KeyError when it is none."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True)
    return _resource(etree.fromstring(payload, parser))


def _resource(element: etree._Element) -> dict[str, object]:
    name = str(element.tag).removeprefix(_NAMESPACE)
    return {"resourceType": name, **_complex(element, name, name)}


def _complex(element: etree._Element, type_name: str, path: str) -> dict[str, object]:
    found: dict[str, object] = {str(key): str(value) for key, value in element.attrib.items() if key in ("id", "url")}
    children = type_definition(type_name).elements[path]
    for child in element:
        name = str(child.tag).removeprefix(_NAMESPACE)
        definition, code = _definition(children, name)
        value, extras = _value(child, definition, code, type_name)
        repeats = definition.max != 1 or isinstance(found.get(name), list)
        if name in found and not repeats:
            found[name] = [found[name]]
            repeats = True
        if repeats:
            _append(found, name, value, extras)
        else:
            found |= {key: part for key, part in ((name, value), (f"_{name}", extras)) if part is not None}
    return found


def _append(found: dict[str, object], name: str, value: object, extras: object) -> None:
    """Add to a list, and keep the list of extensions beside it as long, with null where there are none."""
    values = found.setdefault(name, [])
    assert isinstance(values, list)
    if extras is not None or f"_{name}" in found:
        many = found.setdefault(f"_{name}", [None] * len(values))
        assert isinstance(many, list)
        many.append(extras)
    values.append(value)


def _value(child: etree._Element, definition: Element, code: str, type_name: str) -> tuple[object, dict[str, object] | None]:
    """Return the value of an element, and the extensions of a primitive one."""
    if code == "Resource":
        return _resource(child[0]), None
    if definition.content:
        return _complex(child, type_name, definition.content), None
    if code in ("BackboneElement", "Element"):
        return _complex(child, type_name, definition.path), None
    if code not in resource_types() and type_definition(code).kind == "primitive-type":
        text = child.get("value")
        extras = _complex(child, "Element", "Element") if len(child) else None
        return None if text is None else _primitive(str(text), code), extras
    return _complex(child, code, code), None


def _primitive(text: str, code: str) -> object:
    return text == "true" if code == "boolean" else _NUMBERS.get(code, str)(text)


def _definition(children: tuple[Element, ...], name: str) -> tuple[Element, str]:
    for element in children:
        if element.name == name:
            return element, element.types[0].code if element.types else ""
        if element.name.endswith("[x]") and name.startswith(element.name[:-3]):
            stem = element.name.removesuffix("[x]")
            for reference in element.types:
                if name == stem + reference.code[:1].upper() + reference.code[1:]:
                    return element, reference.code
    raise KeyError(name)
