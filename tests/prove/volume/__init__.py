"""The services with a million rows in their tables: what a question costs there."""
