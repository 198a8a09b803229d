"""Coverage-guided fuzzing of the readers of documents."""

READERS = ("ubl", "cii", "json", "facturx")
