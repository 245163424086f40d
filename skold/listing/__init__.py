"""The audit's list: what it is searched by, and pages that are read from an index within a limit of
time. Admin and API share it, so both find the same.
"""
