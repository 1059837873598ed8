"""The dashboard: pages rendered here, with little JavaScript."""
