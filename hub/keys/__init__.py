"""Keys rotated, escrowed and recovered. See docs/adr/0005-rotating-keys.md."""
