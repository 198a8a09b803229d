"""The rules of disputes: what may be contested, how a case moves, and by when it is answered (RULES.md)."""
