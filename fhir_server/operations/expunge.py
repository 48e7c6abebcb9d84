"""``POST Patient/{id}/$expunge``: a client's dossier, or what is old in it, is removed for good. For `system` only.

Parameters as HAPI FHIR has them (https://hapifhir.io/hapi-fhir/docs/server_jpa/configuration.html): ``expungeDeletedResources``
and ``expungePreviousVersions``. Both together, or ``expungeEverything``, mean the whole dossier, as OZO uses it; one alone only
what its name says; none of them removes nothing.
"""

from collections.abc import Mapping
from typing import Any, Final

from fhir_server.errors import BadRequest, NotFound
from fhir_server.interactions import erase
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.erase import Erased
from fhir_server.interactions.recorded import line
from fhir_server.model.json import read, write
from fhir_server.storage.erasure import Remains
from profiles.operations import takes

_DELETED, _VERSIONS, _EVERYTHING = "expungeDeletedResources", "expungePreviousVersions", "expungeEverything"
_REMAINS: Final[Mapping[Remains, str]] = {
    "log": "What was removed may stand in the log of the database a little longer: it was being read all the time. Send it again.",
    "files": "Nobody reads it any more, but PostgreSQL keeps what was removed in its files and its log until they are written anew."
    " docs/erasure.md tells its operator how.",
}
_KNOWN: Final = frozenset(takes("expunge"))


async def expunge(call: Call) -> Answer:
    """Answer Parameters: ``count``, what was removed by type, and ``referrer`` for what refers to it from elsewhere.

    The line of the record is written before anything is removed. Raises Forbidden, NotFound, BadRequest, Conflict.
    """
    patient = f"Patient/{call.id}"
    call.services.gate.require_eraser(call.actor, patient)
    wanted = _wanted(call)
    if not await erase.something(call, patient):
        if wanted == _KNOWN - {_EVERYTHING}:
            await erase.dossier(call, patient)  # an earlier call may have been stopped right before its end
        raise NotFound("Nothing of such a client is here. Check the id.")
    answer = Answer(200, dossier=patient)
    await call.services.repository.record(line(call, answer))
    erased = await _carried_out(call, patient, wanted)
    answer.recorded = True
    answer.body = write({"resourceType": "Parameters", "parameter": _parts(erased, wanted)})
    return answer


async def _carried_out(call: Call, patient: str, wanted: frozenset[str]) -> Erased:
    if wanted >= {_DELETED, _VERSIONS}:
        return await erase.dossier(call, patient)
    if _VERSIONS in wanted:
        return await erase.versions(call, patient)
    return await erase.deleted(call, patient) if _DELETED in wanted else Erased()


def _wanted(call: Call) -> frozenset[str]:
    """Return what is to be removed; raises BadRequest."""
    if not call.body:
        return frozenset()
    sent = read(call.body, call.services.limits).resource
    if sent.get("resourceType") != "Parameters":
        raise BadRequest("$expunge takes Parameters.", expression="resourceType")
    found: set[str] = set()
    for index, each in enumerate(_listed(sent.get("parameter"))):
        name, value = (each.get("name"), each.get("valueBoolean")) if isinstance(each, dict) else (None, None)
        if name not in _KNOWN or not isinstance(value, bool):
            text = f"$expunge takes {', '.join(sorted(_KNOWN))}, each with a valueBoolean."
            raise BadRequest(text, expression=f"Parameters.parameter[{index}]", detail="expunge-parameter")
        if value:
            found.add(name)
    return frozenset({_DELETED, _VERSIONS} if _EVERYTHING in found else found)


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _parts(erased: Erased, wanted: frozenset[str]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"name": "count", "valueInteger": erased.count}]
    for type_, number in sorted(erased.types.items()):
        parts.append({"name": "resources", "part": [_part("type", "Code", type_), _part("count", "Integer", number)]})
    if erased.versions:
        parts.append(_part("versions", "Integer", erased.versions))
    if erased.attachments:
        parts.append(_part("attachments", "Integer", erased.attachments))
    parts += [{"name": "referrer", "valueReference": {"reference": each}} for each in erased.referrers]
    if not wanted:
        text = f"Nothing was removed: neither {_DELETED} nor {_VERSIONS} is true. Both together remove the whole dossier."
        parts.append(_part("message", "String", text))
    if erased.remains and erased.count:
        parts.append(_part("message", "String", _REMAINS[erased.remains]))
    return parts


def _part(name: str, kind: str, value: object) -> dict[str, Any]:
    return {"name": name, f"value{kind}": value}
