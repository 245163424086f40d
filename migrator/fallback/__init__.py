"""The legacy databases as the data plane reads them. Pure Python on psycopg: no Django."""

from migrator.fallback.fallback import Fallback

__all__ = ["Fallback"]
