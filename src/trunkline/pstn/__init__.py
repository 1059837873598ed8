"""A simulated carrier and a test phone: the demo's and the tests' far ends."""
