"""A small shop on Altertable."""
