"""Launches the hub under gunicorn; what it serves is the product's."""
