"""The resource types this server knows, read from profiles/catalog.toml."""
