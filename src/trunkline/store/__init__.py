"""Accounts, numbers, carriers, routes and call records at rest, and the directory kept in memory.
"""
