"""Sköld: principals, actions, resources, and a record of every decision. It knows nothing of
files.
"""
