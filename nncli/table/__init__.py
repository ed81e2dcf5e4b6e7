"""A file becomes a typed table: opening, format and dialect, reading, cells, schema, target, split.

In: a path or standard input. Out: :class:`~nncli.table.reading.Table` (all cells still text), a
:class:`~nncli.table.schema.Schema` that says what each column is, and a
:class:`~nncli.table.split.Split` of its rows. Next: ``features``.
"""
