"""Fuzzing: of the readers of documents, guided by coverage; of the services' doors, from their contracts' descriptors."""

READERS = ("ubl", "cii", "json", "facturx")
