"""HTTP: health and metrics for machines and the control socket; and, in a process of their own, the dashboard
and the APIs for people and programs.
"""
