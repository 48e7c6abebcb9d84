"""``CodeSystem/$validate-code`` and ``ValueSet/$validate-code``: whether a code is one of a code system, or of a value set.

https://hl7.org/fhir/R4/codesystem-operation-validate-code.html, https://hl7.org/fhir/R4/valueset-operation-validate-code.html
"""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fhir_server.errors import BadRequest, NotFound
from fhir_server.interactions.call import Answer, Call
from fhir_server.operations.asked_parameters import Asked
from fhir_server.operations.coded import Code, admitted, answered, codes_of, told, untold, url_of
from fhir_server.validation.packaged.codes import Known
from fhir_server.validation.terminology.concepts import concept_of, displays, is_complete
from profiles.definitions import value_set_codes

if TYPE_CHECKING:
    from fhir_server.validation.packaged.engine import Profiles


async def validate_code(call: Call) -> Answer:
    """Answer Parameters with the result. Raises NotFound, BadRequest, and Unprocessable where it cannot be told."""
    given, known = admitted(call)
    return await asyncio.to_thread(_validate, call, given, known)


def _validate(call: Call, given: Asked, known: "Profiles") -> Answer:
    url = url_of(call, given)
    if call.type == "CodeSystem":
        codes = codes_of(given, system=url)
        return _answer(known, codes, [_in_system(known, each) for each in codes], "the code system")
    if not url:
        raise BadRequest("Give the 'url' of the value set.", detail="parameter-missing")
    if known.canonicals.value_set(url) is None and value_set_codes(url) is None:
        raise NotFound("No such value set is known here.", detail="terminology-unknown")
    member, codes = known.codes.membership(url), codes_of(given)
    return _answer(known, codes, [member(each.system or None, each.code) for each in codes], "the value set")


def _in_system(known: "Profiles", code: Code) -> Known:
    """Tell whether a code system has a code. Raises NotFound for one that is not here."""
    definition = known.canonicals.code_system(code.system)
    if definition is None:
        raise NotFound("No such code system is known here.", detail="terminology-unknown")
    found = concept_of(definition, code.code) is not None
    return found if found or is_complete(definition) else None


def _answer(known: "Profiles", codes: Iterable[Code], answers: Iterable[Known], what: str) -> Answer:
    found = list(zip(codes, answers, strict=True))
    right = next((code for code, answer in found if answer), None)
    if right is None and any(answer is None for _, answer in found):
        raise untold(f"not all codes of {what} are here")
    if right is None:
        return answered({"name": "result", "valueBoolean": False}, told("message", f"The code is not in {what}."))
    names, shown = _names(known, right)
    wrong = bool(right.display and names and right.display not in names)
    message = "The code is right, and is called otherwise." if wrong else ""
    return answered({"name": "result", "valueBoolean": not wrong}, told("message", message), told("display", shown))


def _names(known: "Profiles", code: Code) -> tuple[frozenset[str], str]:
    """Return what a code is called, and the first of these names."""
    concept = concept_of(known.canonicals.code_system(code.system) or {}, code.code) if code.system else None
    return (displays(concept), str(concept.get("display", ""))) if concept else (frozenset(), "")
