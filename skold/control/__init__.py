"""The control plane's share of Sköld: the same gate, the same audit, for API callers and admins."""
