"""Who asks a data service: the PGO that an access token of MedMij names, in the name of the client (rscint.200)."""

import re
from collections.abc import Sequence
from typing import Final

from fhir_server.access.actor import PURPOSES, Actor
from fhir_server.access.scope import parse_scopes
from fhir_server.medmij.access_token import AccessToken, opened
from fhir_server.medmij.catalogue import Service
from fhir_server.medmij.registry import Provider
from fhir_server.oauth.claims import SECOND
from fhir_server.oauth.jwk import VerifyingKey
from fhir_server.oauth.presented import Presented
from fhir_server.oauth.refusal import missing, refused
from fhir_server.oauth.verified import Revoked

_HEADER: Final = re.compile(rb"(?i:bearer) +([\x21-\x7e]{1,8000})")


class CollectingBearer:
    """Turns an Authorization header into the Actor of one data service of one provider.

    A token that is good, and for another provider or service, gives an actor without scopes: known, and let in nowhere.
    """

    def __init__(self, keys: Sequence[VerifyingKey], issuer: str, revoked: Revoked, provider: Provider, service: Service) -> None:
        """Verify with ``keys`` (looked at each time)."""
        self._keys, self._issuer, self._revoked = keys, issuer, revoked
        self._provider, self._service = provider, service

    def known(self, _authorization: bytes | None, _now: int) -> Actor | None:
        """Return None: each request is looked at whole."""
        return None

    async def actor(self, presented: Presented, now: int) -> Actor:
        """Return the actor at the instant ``now`` (microseconds); raises Unauthorized."""
        token = opened(_credentials(presented.authorization), self._keys, self._issuer, now)
        if self._revoked(token.id, token.patient, token.issued // SECOND):
            raise refused("token-revoked", "The access token was revoked. Ask the client for consent again.")
        return self._actor(token)

    def nonce(self, _presented: Presented, _now: int) -> str:
        """Return none: these tokens are bound to nothing."""
        return ""

    def _actor(self, token: AccessToken) -> Actor:
        granted = token.provider == self._provider.id and self._service.id in token.services
        return Actor(
            reference=token.patient,
            role="pgo",
            scopes=parse_scopes(" ".join(f"patient/{each}.rs" for each in self._service.types)) if granted else (),
            patient=token.patient,
            purpose=PURPOSES["pgo"],
            people=(token.patient,),
            token=token.id,
            client=token.host,
            authenticated=token.authenticated,
            service=f"{self._provider.id}/{self._service.id}",
        )


def _credentials(authorization: bytes | None) -> str:
    if authorization is None:
        raise missing("This request needs an access token: send the header Authorization: Bearer TOKEN.")
    found = _HEADER.fullmatch(authorization.strip(b" \t"))
    if found is None:
        raise refused("token-malformed", "The Authorization header must have the form: Bearer TOKEN.")
    return found[1].decode("ascii")
