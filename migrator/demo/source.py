"""The demo's source, as an operator would write it into a file for `manage.py legacy_source`."""

from migrator.demo.writer import APPLICATION, COLLECTION, SOURCE

READER = "legacy-photos"
OLD_URL = "/photo?id={id}"
TOML = f"""
name = "{SOURCE}"
collection = "{COLLECTION}"
key = "{{id}}.png"
media_type = "image/png"
max_size = 10485760

[records]
table = "photo"
key_columns = ["id"]
changed_at = "changed_at"
filename = "filename"
media_type = "mime"
length = "length"
digest = "sha256"
digest_kind = "sha256"

[content]
kind = "chunks"
table = "photo_chunk"
record_columns = ["photo_id"]
order = "number"
data = "data"
codec = "zlib"
scope = "chunk"
chunk_size = 51200

[sync]
enabled = true

[[applications]]
name = "{APPLICATION}"
writes = true

[[applications]]
name = "old web pages"

[[addresses]]
pattern = "{OLD_URL}"
key = "{{id}}.png"
client = "{READER}"
"""
