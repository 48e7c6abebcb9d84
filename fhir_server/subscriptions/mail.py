"""The channel email: a message that there is something new, without a word about anybody.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#email
"""

import asyncio
import re
import smtplib
import ssl
import tomllib
from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from fhir_server.access.actor import Actor
from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.network.network_roles import network_roles
from fhir_server.network.standing import address
from fhir_server.storage.subscriptions.store import Claim
from fhir_server.subscriptions.access import Access
from fhir_server.subscriptions.delivery import Outcome
from fhir_server.subscriptions.manner import Manner
from fhir_server.subscriptions.message import Message

Post = Callable[[EmailMessage], None]
"""Hands a message to a mail server; blocks. Raises OSError, SMTPException."""
_ADDRESS: Final = re.compile(r"mailto:([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)")
_ENDPOINT: Final = "Subscription.channel.endpoint"
_PORTS: Final = {"smtp": 25, "smtps": 465}


class Text(NamedTuple):
    """What is written, in one language."""

    language: str
    subject: str
    body: str


@cache
def texts() -> Sequence[Text]:
    """Return what ``profiles/mail.toml`` says."""
    tables = tomllib.loads(files("profiles").joinpath("mail.toml").read_text(encoding="utf-8"))
    return tuple(Text(each["language"], each["subject"], each["body"].strip()) for each in tables["texts"])


def require(channel: Mapping[str, Any], manner: Manner, *, configured: bool) -> str:
    """Return the endpoint of a channel: an address of the right form; whose it is, ``require_own`` asks.

    Raises Unprocessable where there is no mail server, for an endpoint of another form, and for more than empty notifications.
    """
    if not configured:
        text = "This server sends no e-mail: use rest-hook or websocket."
        raise Unprocessable(text, expression="Subscription.channel.type", detail="channel-type")
    if manner.content != "empty" or manner.heartbeat:
        text = "An e-mail only says that there is something new: the content must be empty, without heartbeats."
        raise Unprocessable(text, expression="Subscription.channel", detail="payload-content")
    endpoint = str(channel.get("endpoint", ""))
    if not _ADDRESS.fullmatch(endpoint):
        raise Unprocessable("The endpoint is mailto: and an address.", expression=_ENDPOINT, detail="channel-endpoint")
    return endpoint


async def is_own(access: Access, actor: Actor, endpoint: str) -> bool:
    """Tell whether ``actor``, whose standing is known, may have e-mail sent to ``endpoint``; ``system`` may name any address."""
    if actor.role == "system":
        return True
    return address(network_roles().email, endpoint.removeprefix("mailto:")) in await access.addresses(actor)


async def require_own(access: Access, actor: Actor, endpoint: str) -> None:
    """Raise Forbidden for somebody else's address."""
    if not await is_own(access, actor, endpoint):
        text = "E-mail goes to an address by which the subscriber is known here (telecom), and to no other."
        raise Forbidden(text, expression=_ENDPOINT, detail="channel-endpoint")


class Mail:
    """Sends through ``post``, from ``sender``; ``place`` is where people log in. Gives up after ``seconds``."""

    def __init__(self, post: Post, sender: str, place: str, seconds: float) -> None:
        """Have nothing open between two messages."""
        self._post, self._sender, self._place, self._seconds = post, sender, place, seconds

    async def send(self, claim: Claim, _: Message) -> Outcome:
        """Send one e-mail."""
        made = written(self._sender, claim.endpoint.removeprefix("mailto:"), self._place)
        try:
            async with asyncio.timeout(self._seconds):
                await asyncio.to_thread(self._post, made)
        except TimeoutError:
            return Outcome("The mail server did not answer in time.")
        except (OSError, smtplib.SMTPException):
            return Outcome("The mail server did not take the message.")
        return Outcome()

    async def close(self) -> None:
        """Have nothing to close."""


def written(sender: str, to: str, place: str) -> EmailMessage:
    """Return the message."""
    made = EmailMessage()
    made["From"], made["To"] = sender, to
    made["Subject"] = " / ".join(each.subject for each in texts())
    made["Auto-Submitted"] = "auto-generated"
    made["Content-Language"] = ", ".join(each.language for each in texts())
    made.set_content("\n\n-- \n\n".join(each.body.format(address=place) for each in texts()))
    return made


def smtp(url: str, seconds: float) -> Post:
    """Return what hands messages to the server at ``url``: smtp://host:port, or smtps://user:password@host:port.

    Whatever the server offers of TLS is used; a password is sent over TLS only.
    """
    parts = urlsplit(url)
    host, port, secure = parts.hostname or "", parts.port or _PORTS[parts.scheme], parts.scheme == "smtps"

    def post(message: EmailMessage) -> None:
        context = ssl.create_default_context()
        opened = (
            smtplib.SMTP_SSL(host, port, timeout=seconds, context=context) if secure else smtplib.SMTP(host, port, timeout=seconds)
        )
        with opened as server:
            server.ehlo()
            encrypted = secure
            if not secure and server.has_extn("starttls"):
                server.starttls(context=context)
                encrypted = True
            if parts.username and encrypted:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(message)

    return post
