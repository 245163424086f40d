"""Store, delivery, catalog and control plane of the content server. Importing it imports no
Django.
"""
