"""The business, as pure decisions: who may call, where to, in which order, and what a failure means."""
