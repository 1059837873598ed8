"""The HTTP port: health, metrics, and the control channel that the command line speaks."""
