"""Login at an external provider: OpenID Connect Core 1.0, code flow with PKCE."""
