"""Data of questions: the default ladder, and the codes of levels, topics, steps and Tasks."""
