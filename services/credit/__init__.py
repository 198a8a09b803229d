"""Decides who may owe how much."""
