"""Telling customers' programs what happens: signed, retried, visible."""
