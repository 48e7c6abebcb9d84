"""What OZO clients expect, in our own words: profiles, extensions, value sets, naming systems, statements; all of one version."""
