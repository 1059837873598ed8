"""The operations, a file for each matter."""
