"""Mails as they travel: text and HTML side by side, the document enclosed, headers that nobody can forge."""
