"""Files that go along with messages: what is known of them (tables), and where they lie (ports and their implementations)."""
