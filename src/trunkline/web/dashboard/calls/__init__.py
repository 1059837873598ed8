"""Calls: the list, one call with its ladder and timeline, and why it ended."""
