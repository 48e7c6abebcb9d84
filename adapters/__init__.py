"""One folder per kind of source system, one subfolder per system."""
