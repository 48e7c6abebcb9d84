"""What is sent for an event, a handshake or a heartbeat, and whether: access is decided anew at that moment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fhir_server.storage.subscriptions.store import Claim, Notice
from fhir_server.subscriptions import notification
from fhir_server.subscriptions.access import Access, Known
from fhir_server.subscriptions.mail import is_own
from fhir_server.subscriptions.manner import Manner, kept
from fhir_server.subscriptions.message import Kind, Message
from fhir_server.subscriptions.notification import About, Happened
from fhir_server.subscriptions.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Composer:
    """``base`` is the FHIR base; ``new_id`` gives fresh ids. ``recorder`` writes down who is told what."""

    access: Access
    base: str
    new_id: Callable[[], str]
    recorder: Recorder

    async def event(self, claim: Claim, notice: Notice) -> Message | None:
        """Return what tells of an event, None when there is nobody who may know of it.

        A subscriber to a topic who may not read the resource any more is told the number alone: numbers have no gaps. Who is told
        more is in the record then.
        """
        known = await self._known(claim, notice)
        message = await self._event(claim, notice, known)
        if message is not None and known is not None:
            await self.recorder.tells(claim, notice, known)
        return message

    async def _event(self, claim: Claim, notice: Notice, known: Known | None) -> Message | None:
        manner = kept(claim.manner)
        if manner is None:
            return Message("empty", notice.number) if known else None
        if claim.channel == "email" and not (known and await self._addressed(claim)):
            return None
        if not known and not await self.present(claim):
            return None
        shown = known and manner.content == "id-only"
        happened = Happened(notice.number, notice.moment, notice.reference if shown else "", notice.version, bool(notice.gone))
        return self._message(claim, manner, "event-notification", notice.number, [happened])

    async def present(self, claim: Claim) -> bool:
        """Tell whether the subscriber is still somebody here."""
        return await self.access.who(claim.subscriber) is not None

    async def _known(self, claim: Claim, notice: Notice) -> Known | None:
        if notice.gone:
            return await self.access.hears(claim.subscriber, notice)
        return await self.access.knows(claim.subscriber, notice.type, notice.id)

    async def _addressed(self, claim: Claim) -> bool:
        """Tell whether the address is the subscriber's still."""
        actor = await self.access.who(claim.subscriber)
        return actor is not None and await is_own(self.access, actor, claim.endpoint)

    def sign(self, claim: Claim, kind: Kind) -> Message:
        """Return a handshake or a heartbeat."""
        manner = kept(claim.manner)
        return self._message(claim, manner, kind, claim.last) if manner else Message("empty")

    def _message(self, claim: Claim, manner: Manner, kind: Kind, last: int, events: Sequence[Happened] = ()) -> Message:
        about = About(claim.id, manner.topic, claim.status, last)
        made = notification.bundle(about, kind, self.base, self.new_id(), self.access.clock(), events)
        number = events[0].number if events else 0
        return Message(kind, number, manner.media, notification.body(made, manner.media), manner.timeout)
