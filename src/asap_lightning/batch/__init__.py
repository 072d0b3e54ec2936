"""Millions of pictures, by one process or by the workers of Ray."""
