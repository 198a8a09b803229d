"""People: who hears what, by when, in their language; one story for everybody, by mail."""
