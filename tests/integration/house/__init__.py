"""All five services in one process: what one of them tells, the others take."""
