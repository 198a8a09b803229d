"""Words: each language's catalogue, and the message that a story makes for one person."""
