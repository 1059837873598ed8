"""How one peer's audio goes over time, kept by an engine that has no legs of its own to do it."""

from trunkline._native import Course as Course
