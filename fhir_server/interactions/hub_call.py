"""What stands for a request where nobody asked: the hub does something by itself, and the record tells so."""

from fhir_server.access.actor import local_system
from fhir_server.interactions.call import Call
from fhir_server.interactions.services import Services


def hub_call(services: Services, interaction: str, type_: str, id_: str, at: int) -> Call:
    """Return the call under which the hub does ``interaction`` to ``type_``/``id_`` at ``at`` (microseconds)."""
    entry = services.catalog.types[type_]
    return Call(services, local_system(), interaction, entry, id=id_, request=services.new_id(), now=at)
