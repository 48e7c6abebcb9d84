"""The token door: keys, signed access tokens, their verification."""
