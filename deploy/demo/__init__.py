"""Plays a whole business on real servers and proves its figures: a shop, clerks and buyers, outside the services."""
