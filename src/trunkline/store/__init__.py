"""Accounts, numbers, carriers, routes and call records at rest, and the directory kept in memory.

Everything here blocks on a disk or a database server: the call path and the event loop never call it, save
for `RecordWriter.call_changed` and its like, which only note what a thread writes later.
"""
