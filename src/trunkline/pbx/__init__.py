"""Configurations for the PBXs of customers: complete files, filled in."""
