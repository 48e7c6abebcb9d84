"""What a source gives is used only where all of it has the form of FHIR: what is done with it afterwards relies on that.

Codes, formats and what must be there are the source's own affair (https://hl7.org/fhir/R4/json.html).
"""

import logging
from typing import Final

from fhir_server.federation.answer import Answer, SourceFault
from fhir_server.federation.pace import Steps
from fhir_server.validation.resource import validate

LOG = logging.getLogger("fhir_server.federation")
_FORM: Final = frozenset({"null", "too-deep", "wrong-type"})


def readable(answer: Answer) -> Steps[Answer]:
    """Return the answer, or the fault ``structure`` where a value in it is of another kind than the definitions of R4 say."""
    if isinstance(answer, SourceFault):
        return answer
    for each in answer.translation.resources:
        found = next((issue for issue in validate(each) if issue.detail in _FORM), None)
        if found is not None:
            LOG.warning("source %s: %s at %s", answer.source.name, found.detail, found.expression)
            return SourceFault(answer.source, "structure")
        yield
    return answer
