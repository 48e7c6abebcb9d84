"""Data of how a network is directed: the roles in it, invitations, and the codes of both."""
