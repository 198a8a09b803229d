"""The manifests, and what judges them."""
