"""One running node: the composition root, and the only place that knows every room."""
