"""From differentials to what a profile says in all (https://hl7.org/fhir/R4/profiling.html#snapshot)."""

from fhir_server.validation.snapshot.generate import Snapshots
from fhir_server.validation.snapshot.node import Node, SnapshotError

__all__ = ["Node", "SnapshotError", "Snapshots"]
