"""``Subscription/{id}/$get-ws-binding-token``: what to show on a websocket to be sent the notifications of a subscription.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-get-ws-binding-token.html
"""

from fhir_server.errors import Unprocessable
from fhir_server.interactions.call import Answer, Call
from fhir_server.model.json import write
from fhir_server.model.meta import instant
from fhir_server.operations.subscription_events import topical
from fhir_server.subscriptions.binding import LIFETIME, issued


async def binding_token(call: Call) -> Answer:
    """Answer Parameters with ``token``, ``expiration``, ``subscription`` and ``websocket-url``.

    Raises what $status does, and Unprocessable for another channel (channel-type) or a Subscription that is not active.
    """
    known, _ = await topical(call)
    services = call.services
    if known.channel != "websocket":
        text = "The channel of this Subscription is no websocket."
        raise Unprocessable(text, expression="Subscription.channel.type", detail="channel-type")
    if known.status != "active":
        raise Unprocessable("This Subscription is not active.", expression="Subscription.status", detail="subscription-status")
    expires = call.now + LIFETIME
    token = issued(services.subscriptions.seal, call.id, expires, services.new_id())
    parts = [
        {"name": "token", "valueString": token},
        {"name": "expiration", "valueDateTime": instant(expires)},
        {"name": "subscription", "valueString": call.id},
        {"name": "websocket-url", "valueUrl": f"ws{services.base.removeprefix('http')}/ws"},
    ]
    return Answer(200, write({"resourceType": "Parameters", "parameter": parts}), id=call.id, keep=False)
