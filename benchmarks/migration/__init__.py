"""The migration, measured: a real sync against what reading and inflating alone can do."""
