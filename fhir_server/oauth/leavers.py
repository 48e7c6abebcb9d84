"""Who has left gets no tokens any more, and loses those that are there.

Whether somebody has left is asked when a code or a refresh token is exchanged, and when somebody asks what a token is: so it counts
at once, in every process, also when nobody writes anything at the moment at which a period runs out. A round over all who hold
something revokes the rest.
"""

from collections.abc import Mapping
from typing import Any, Final

from fhir_server.interactions.services import Services
from fhir_server.network.standing import Standing
from fhir_server.oauth.authority import Authority
from fhir_server.oauth.oauth_error import invalid_grant
from fhir_server.oauth.store import Granted

_PEOPLE: Final = frozenset({"Practitioner", "PractitionerRole", "RelatedPerson", "Patient"})
_AT_ONCE: Final = 500  # people asked about in one round: the next round goes on with the others


async def refuse_leaver(authority: Authority, granted: Granted, family: str, now: int) -> None:
    """Return when the person may go on with what was ``granted``; else revoke it, and raise OAuthError (invalid_grant)."""
    standing = await _standing(authority, granted.subject, now)
    if not standing.people:
        await authority.revoke_subject(granted.subject)
    elif granted.organisation in standing.left:
        await authority.revoke_family(family, granted)
    else:
        return
    text = "The person is not active here any more, or not for the organisation that this was granted for."
    raise invalid_grant(text, "left")


async def has_left(authority: Authority, subject: str, organisation: str, now: int) -> bool:
    """Tell whether ``subject`` ("Type/id") has left, or has left the ``organisation`` ("" for none) and is elsewhere now."""
    standing = await _standing(authority, subject, now)
    return not standing.people or organisation in standing.left


async def is_of_leaver(authority: Authority, claims: Mapping[str, Any], now: int) -> bool:
    """Tell whether an access token with these claims is of somebody who has left."""
    return await has_left(authority, str(claims["sub"]), str(claims.get("organization", "")), now)


class Leavers:
    """The duty to revoke what those hold who have left."""

    def __init__(self, authority: Authority) -> None:
        """Begin with the first of them."""
        self._authority = authority
        self._after = ""

    async def __call__(self, _services: Services, now: int) -> None:
        """Ask about as many as one round can take, at the instant ``now`` (microseconds)."""
        holders = await self._authority.store.holders(now)
        due = [each for each in holders if each > self._after][:_AT_ONCE]
        for subject in due:
            await self._look(subject, now)
        self._after = due[-1] if len(due) == _AT_ONCE else ""

    async def _look(self, subject: str, now: int) -> None:
        standing = await _standing(self._authority, subject, now)
        if not standing.people:
            await self._authority.revoke_subject(subject)
        elif standing.left:
            for family, granted in (await self._authority.store.authorizations(subject, now)).items():
                if granted.organisation in standing.left:
                    await self._authority.revoke_family(family, granted)


async def _standing(authority: Authority, subject: str, now: int) -> Standing:
    """Return the standing of a person; of a device or an organisation nothing is asked."""
    return await authority.standing(subject, now) if subject.partition("/")[0] in _PEOPLE else Standing((subject,))
