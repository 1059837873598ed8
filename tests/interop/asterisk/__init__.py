"""Asterisk as a customer's PBX.

A regular package, by this file: what its fixtures of scope "package" start ends with its last test, not with
the run.
"""
