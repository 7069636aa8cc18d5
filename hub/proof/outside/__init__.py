"""Programs for those who do not trust the hub: each one file, which imports nothing of it and runs alone."""
