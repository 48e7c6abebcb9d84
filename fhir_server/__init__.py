"""A FHIR R4 server that keeps the network dossier and asks the source systems for everything else."""

__version__ = "0.1.0"
