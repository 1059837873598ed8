"""The `trunkline` command.
"""
