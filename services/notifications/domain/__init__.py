"""Decides who hears what and how soon, and what a message must say; no clock, no I/O, no log."""
