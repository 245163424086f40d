"""Measurements of the content server beside nginx and the legacy design: `python -m benchmarks`."""
