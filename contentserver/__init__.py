"""Store, delivery, catalog and control plane of the content server. Importing it imports no
Django.
"""

__version__ = "0.1.0"
"""Of the package, the OpenAPI document and the releases in CHANGELOG.md."""
