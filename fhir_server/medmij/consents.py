"""What clients consented to at this door, where they see all their consents (``/oauth/apps``), and whom they log in for."""

from collections.abc import Sequence

from fhir_server.medmij.authorize.request import answered_at, read_parameters
from fhir_server.medmij.door import AUTHORIZE, LANGUAGE
from fhir_server.medmij.lists.kept import Lists
from fhir_server.medmij.parties import is_indefinite, parties_of, provider_in
from fhir_server.medmij.registry import Registry
from fhir_server.medmij.revoking import revoke
from fhir_server.oauth.authority import Authority
from fhir_server.oauth.authorize.elsewhere import Asking
from fhir_server.oauth.authorize.page import Pages
from fhir_server.oauth.authorize.request import Shown, origin_of
from fhir_server.oauth.store import ConsentGiven


class MedMijConsents:
    """The door of MedMij, as the pages of ``oauth`` know it (``oauth/authorize/elsewhere``)."""

    path = AUTHORIZE

    def __init__(self, registry: Registry, lists: Lists, pages: Pages, authority: Authority) -> None:
        """Tell by the lists and the registry."""
        self._registry, self._lists, self._pages, self._authority = registry, lists, pages, authority

    def asking(self, query: str) -> Asking | None:
        """Return who asks by a request with ``query``, None for one that is answered by nobody."""
        try:
            where = answered_at(read_parameters(query), self._lists)
        except Shown:
            return None
        return Asking(where.client.name, origin_of(where.redirect_uri))

    def is_own(self, client: str) -> bool:
        """Tell whether a consent is one of MedMij."""
        return parties_of(client) != ("", "")

    def name(self, client: str) -> str:
        """Return the names of the PGO and of the provider."""
        host, provider = parties_of(client)
        pgo, known = self._lists.client(host), self._registry.providers.get(provider)
        return f"{pgo.name if pgo else host}, {known.name if known else provider}"

    def words(self, given: ConsentGiven) -> Sequence[str]:
        """Return the names of the data services, and for how long."""
        known = self._registry.providers.get(provider_in(given.scope))
        words = given.scope.split()
        named = [self._lists.name(each) or known.services[each].name for each in words if known and each in known.services]
        return [*named, self._pages.text(LANGUAGE, "apps-indefinite" if is_indefinite(words) else "apps-once")]

    async def withdraw(self, subject: str, client: str) -> None:
        """Revoke all that the PGO has of ``subject`` from the provider."""
        host, provider = parties_of(client)
        await revoke(self._authority, subject, host, provider)
