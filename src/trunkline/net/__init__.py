"""Sockets: UDP, TCP and TLS listeners and connections, DNS (RFC 3263), admission at the door.
"""
