"""The control plane's API of Sköld: clients, keys, grants, audit; and the guard for every other
view."""
