"""Resources as clients send them, in bytes: invented hard cases for every stored type, and those of the reference data."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from lxml import etree

FHIR = "http://hl7.org/fhir"
XHTML = "http://www.w3.org/1999/xhtml"
PAIRS = "nictiz/pairs"
R4_FOLDERS = ("ozo-ig/examples", "ozo-ig/legacy-2024-wire-dump", "nictiz/profiles/zib2020/examples")

WHO = '{"reference":"Practitioner/p"}'
WHOM = '{"reference":"Patient/p"}'
CODE = '{"text":"x"}'
MINIMAL = {
    "Patient": "",
    "RelatedPerson": f'"patient":{WHOM}',
    "Practitioner": "",
    "PractitionerRole": "",
    "Organization": '"name":"x"',
    "HealthcareService": "",
    "Location": "",
    "Endpoint": f'"status":"active","connectionType":{{"code":"x"}},"payloadType":[{CODE}],"address":"https://x.example/fhir"',
    "Group": '"type":"person","actual":true',
    "CareTeam": f'"status":"active","subject":{WHOM}',
    "CommunicationRequest": f'"status":"active","subject":{WHOM}',
    "Communication": f'"status":"completed","subject":{WHOM}',
    "Task": f'"status":"requested","intent":"order","for":{WHOM}',
    "Consent": (
        f'"status":"active","scope":{CODE},"category":[{CODE}],"patient":{WHOM},"policyRule":{CODE},'
        '"provision":{"period":{"start":"2024"}}'
    ),
    "Subscription": (
        '"status":"off","reason":"x","criteria":"Task?status=requested",'
        '"channel":{"type":"rest-hook","endpoint":"https://x.example/in"}'
    ),
    "AuditEvent": (
        '"type":{"code":"rest"},"recorded":"2024-02-29T23:59:59.999999Z",'
        f'"agent":[{{"requestor":true,"who":{WHO}}}],"source":{{"observer":{WHO}}}'
    ),
    "Provenance": f'"target":[{WHOM}],"recorded":"2024-02-29T23:59:59+14:00","agent":[{{"who":{WHO}}}]',
    "Device": "",
    "Questionnaire": '"status":"draft"',
    "PlanDefinition": '"status":"draft"',
    "SearchParameter": (
        '"url":"https://x.example/parameter","name":"x","status":"draft","description":"x","code":"own-x","base":["Location"],'
        '"type":"string"'
    ),
    "Appointment": '"status":"proposed","participant":[{"status":"accepted","actor":{"reference":"Patient/p"}}]',
    "DocumentReference": '"status":"current","content":[{"attachment":{"title":"x"}}]',
    "Observation": f'"status":"final","code":{CODE},"subject":{WHOM}',
    "QuestionnaireResponse": f'"status":"completed","subject":{WHOM}',
}
"""The required elements of every stored type that is a DomainResource."""

LARGE = "QUJD" * 25_000
NUMBERS = [
    *(
        "0",
        "-0",
        "1.00",
        "0.10",
        "1e2",
        "1E+2",
        "1.0e-7",
        "-1.50",
        "0.0",
        "100",
        "0.00000000000000000001",
        "3.14159265358979323846",
    ),
    *("12345678901234567890.123456789", "9007199254740993", "1e300", "-1.000e-300", "2.50E10"),
]
TIMES = [
    *("1905", "1973-06", "1905-08-23", "2015-02-07T13:28:17-05:00", "2017-01-01T00:00:00.000Z", "2024-02-29T23:59:60Z"),
    *("2024-10-27T02:30:00+01:00", "2024-10-27T02:30:00+02:00", "2024-01-01T00:00:00.123456789+14:00", "0001-01-01", "9999-12-31"),
]
STRINGS = [
    *(
        "\\u0041\\u00e9",
        "é\\u0301 e\u0301",
        "\\ud83d\\ude00 \U0001f600",
        '\\/ / \\\\ \\"',
        "a\\tb\\nc\\r\\nd",
        "<p>&amp;</p>",
        "&lt;",
    ),
    *(
        "]]>",
        "x\u2028y\u2029z",
        "\u200f\u05d0\u05d1",
        "\ufb01",
        "  leading and trailing  ",
        "null",
        "1.00",
        "\\u00a0x",
        "\ud7ff\ue000\ufffd",
    ),
]
NARRATIVES = [
    "<p>a &lt; b &amp;&amp; c &gt; d</p>",
    "<p>\\n  white   space <b>mat<i>ters</i></b> </p><br/>",
    '<table class=\\"t\\" style=\\"color: red\\"><tr><td colspan=\\"2\\">é \U0001f600 \\u00e9</td></tr></table>',
    '<p xml:lang=\\"nl\\" title=\\"&quot;x&quot;\\">&#233;</p><!-- a comment --><ul><li>x</li></ul>',
    '<a href=\\"#c\\">c</a><img src=\\"data:image/png;base64,iVBORw0KGgo=\\" alt=\\"x\\"/>',
]


def extension(name: str, value: str) -> str:
    return f'{{"url":"http://corpus.example/e","value{name}":{value}}}'


def numbers() -> str:
    return ",".join(extension("Decimal", number) for number in NUMBERS)


def times() -> str:
    return ",".join(extension("DateTime", f'"{time}"') for time in TIMES)


def strings() -> str:
    return ",".join(extension("String", f'"{text}"') for text in STRINGS)


def others() -> str:
    nested = f'{{"url":"http://corpus.example/n","extension":[{{"url":"a","extension":[{extension("Boolean", "false")}]}}]}}'
    named = '{"url":"http://corpus.example/p","_valueString":{"id":"e1","extension":[' + extension("Code", '"x"') + "]}}"
    quantity = extension("Quantity", '{"value":1.00,"comparator":"<","unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}')
    period = extension("Period", '{"start":"2024","_end":{"extension":[' + extension("Boolean", "true") + "]}}")
    data = extension("Base64Binary", f'"{LARGE}"')
    return ",".join(
        [nested, named, quantity, period, data, extension("Time", '"23:59:59.000"'), extension("Oid", '"urn:oid:1.2.3"')]
    )


def invented() -> Iterator[tuple[str, bytes]]:
    """Yield (name, JSON without id) of invented resources: every stored type four times, and some of their own."""
    for number, (type_, required) in enumerate(MINIMAL.items()):
        members = f",{required}" if required else ""
        narrative = NARRATIVES[number % len(NARRATIVES)]
        inside = f'"contained":[{{"resourceType":"Basic","id":"c","code":{{"text":"in"}},"extension":[{strings()}]}}]'
        uses = '"extension":[' + extension("Reference", '{"reference":"#c"}') + "]"
        text = f'"text":{{"status":"additional","div":"<div xmlns=\\"{XHTML}\\">{narrative}</div>"}}'
        meta = '"meta":{"profile":["http://corpus.example/p"],"tag":[{"system":"http://corpus.example/t","code":"1.00"}]}'
        primitive = '"_language":{"extension":[' + extension("Instant", '"2024-01-01T00:00:00.120Z"') + "]}"
        yield f"{type_}-bare", f'{{"resourceType":"{type_}"{members}}}'.encode()
        yield f"{type_}-values", f'{{"resourceType":"{type_}"{members},"extension":[{numbers()},{times()}]}}'.encode()
        yield f"{type_}-texts", f'{{"resourceType":"{type_}",{text},{inside},{uses}{members}}}'.encode()
        wide = f'{{\n  "resourceType" : "{type_}" ,{meta}, {primitive}, "extension" :\t[ {others()},{strings()} ]{members}\r\n}}\n'
        yield f"{type_}-others", wide.encode()
    yield from OWN.items()


OWN = {
    "Binary-large": f'{{"resourceType":"Binary","contentType":"application/pdf","data":"{LARGE}"}}'.encode(),
    "Binary-bare": b'{"resourceType":"Binary","contentType":"text/plain; charset=utf-8"}',
    "Patient-nulls": (
        b'{"resourceType":"Patient","name":[{"given":["Anna",null,"Beatrix"],"_given":[null,{"extension":['
        b'{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]},{"id":"g3"}],'
        b'"_family":{"extension":[{"url":"http://corpus.example/e","valueString":"van"}]}},{"family":"X"}],'
        b'"birthDate":"1970-03","_birthDate":{"extension":[{"url":"http://corpus.example/e","valueDateTime":"1970-03-01T12:00:00Z"}]},'
        b'"_gender":{"extension":[{"url":"http://corpus.example/e","valueCode":"x"}]},"deceasedBoolean":false,'
        b'"multipleBirthInteger":0}'
    ),
    "Observation-decimals": (
        b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"effectiveDateTime":"2024-02-29T23:59:60+14:00",'
        b'"valueQuantity":{"value":36.50,"unit":"Cel"},"referenceRange":[{"low":{"value":1.0e1},"high":{"value":1E+2}}],'
        b'"component":[{"code":{"text":"y"},"valueSampledData":{"origin":{"value":0.0},"period":10.000,"dimensions":1,'
        b'"data":"1.00 E U L"}}]}'
    ),
    "Questionnaire-nested": (
        b'{"resourceType":"Questionnaire","status":"draft","item":'
        + b'[{"linkId":"1","type":"group","item":' * 12
        + b'[{"linkId":"2","type":"decimal","initial":[{"valueDecimal":1.10},{"valueDecimal":-0.00}]}]'
        + b"}]" * 12
        + b"}"
    ),
}


def reference(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (file name and number, content) of every resource in the R4 files of the reference data, Bundles unpacked."""
    for path in _files(folder):
        content = path.read_bytes()
        found = _from_json(json.loads(content), content) if path.suffix == ".json" else _from_xml(_dated(content))
        for number, each in enumerate(found):
            yield f"{path.relative_to(folder)}#{number}", each


def _files(folder: Path) -> Iterator[Path]:
    for name in R4_FOLDERS:
        yield from sorted(path for path in (folder / name).iterdir() if path.suffix in {".json", ".xml"})
    for group in sorted((folder / PAIRS).iterdir()):
        if group.name.endswith("_r4"):
            yield from sorted(group.glob("expected*/*.xml"))


def _dated(content: bytes) -> bytes:
    """Put dates where Nictiz has placeholders, such as ``${DATE, T, D, -10}``: day T is 2022-01-01."""

    def day(match: re.Match[bytes]) -> bytes:
        amount = int(match[2])
        if match[1] in b"Mm":
            years, months = divmod(amount, 12)
            return date(2022 + years, 1 + months, 1).isoformat().encode()
        return (date(2022, 1, 1) + timedelta(days=amount)).isoformat().encode()

    return re.sub(rb"\$\{DATE, T, ([DdMm]), ([+-]\d+)\}", day, content)


def _from_json(value: Any, content: bytes) -> Iterator[bytes]:
    if value["resourceType"] != "Bundle":
        yield content
        return
    for each in json.loads(content, parse_float=lambda text: f"\0{text}\0").get("entry", ()):
        text = json.dumps(each["resource"])
        yield re.sub(r'"\\u0000(.*?)\\u0000"', r"\1", text).encode()  # numbers as they were written


def _from_xml(content: bytes) -> Iterator[bytes]:
    root = etree.fromstring(content)
    if root.tag != f"{{{FHIR}}}Bundle":
        yield etree.tostring(root, encoding="utf-8")
        return
    for each in root.iterfind(f"{{{FHIR}}}entry/{{{FHIR}}}resource/*"):
        each.tail = None
        yield etree.tostring(each, encoding="utf-8")
