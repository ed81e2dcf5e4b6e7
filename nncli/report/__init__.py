"""Plain numbers become words, JSON, a page: for the terminal, for programs, for people.

In: a :class:`~nncli.report.document.Report`. Out: text. Next: ``cli``.
"""
