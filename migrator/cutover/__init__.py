"""Changing the mode of a source: gates over facts, the step itself, and its certificate."""
