"""The pages of what the directory holds: numbers and their forwarding, carriers, routes, customers."""
