"""The back-to-back user agent (RFC 7092): legs, calls, attempts, and the one verdict a call ends in."""
