"""The old system's design, rebuilt to be measured: files as 50 KB zlib chunks in PostgreSQL.

Everything that would slow it without belonging to the design is left out (sessions, middleware,
templates, its own audit tables); what helps it is in: pooled connections, an index for each query,
a buffer that holds every file.
"""
