"""Names and constants in SQL text, quoted."""


def quote(name: str) -> str:
    """A name as PostgreSQL's quote_ident writes it, always in quotes."""
    return '"' + name.replace('"', '""') + '"'


def quote_table(table: str) -> str:
    """`hr.photo` with each part quoted; without a schema the search path decides."""
    return ".".join(quote(part) for part in table.split("."))


def literal(text: str) -> str:
    """A constant, right whatever standard_conforming_strings says."""
    quoted = "'" + text.replace("'", "''") + "'"
    return "E" + quoted.replace("\\", "\\\\") if "\\" in text else quoted
