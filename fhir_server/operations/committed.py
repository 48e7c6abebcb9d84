"""What operations share that write in the caller's own name as well: one commit, with the line of the record."""

from collections.abc import Sequence

from fhir_server.errors import Forbidden
from fhir_server.interactions import consequences
from fhir_server.interactions.call import OUTSIDE, Answer, Call
from fhir_server.interactions.recorded import line
from fhir_server.storage.repository import Change, Grant, OutOfGrant


async def commit(call: Call, grants: Sequence[Grant], changes: Sequence[Change], answer: Answer) -> None:
    """Make ``changes`` with all that follows, those in the caller's name within ``grants``, and record ``answer``.

    Raises Forbidden outside the caller's dossiers; VersionConflict passes.
    """
    try:
        await consequences.commit(call, grants, changes, [line(call, answer)])
    except OutOfGrant as error:
        raise Forbidden(OUTSIDE) from error
    answer.recorded = True
