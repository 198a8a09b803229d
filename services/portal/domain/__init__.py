"""Rules of who is who in the portal and what each may do there; no machinery."""
