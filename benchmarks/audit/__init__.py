"""Is the audit found quickly when there is much of it?"""
