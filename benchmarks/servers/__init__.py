"""The servers measured beside each other."""
