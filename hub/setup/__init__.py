"""Makes the hub's environment with the standard library alone. Nothing here imports the product."""
