"""What the authorization server must remember: codes, refresh tokens, log-ins, consent given to clients, revocations."""
