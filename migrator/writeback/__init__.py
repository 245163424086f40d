"""Carrying what was written here back into legacy, and watching for what others write there."""
