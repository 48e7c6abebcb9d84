"""The pure rules of the network dossier, one file per resource type."""
