"""The HTTP ports: health and metrics for machines, and the control socket that the command line speaks to."""
