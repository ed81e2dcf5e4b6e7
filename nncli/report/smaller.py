"""Scripts and styles without what only their readers need: comments, and spaces that separate nothing."""

import re

_TEXT = r'"(?:[^"\\\n]|\\.)*"' r"|'(?:[^'\\\n]|\\.)*'" r"|`(?:[^`\\]|\\.)*`"
_COMMENT = r"/\*.*?\*/|//[^\n]*"
_TOKEN = re.compile(f"(?P<text>{_TEXT})|(?P<comment>{_COMMENT})", re.DOTALL)


def smaller_script(source: str) -> str:
    r"""The same script in fewer bytes.

    It must end each statement with a semicolon, and hold no regular expression and no template within a template.

    >>> smaller_script("const a = 'x  y';  // comment\nf( a, `b ${c + 1}` );\n")
    "const a='x  y';f(a,`b ${c + 1}`);"
    """
    return _smaller(source, "{}()[];,:?=<>*|&!")


def smaller_style(source: str) -> str:
    """The same style in fewer bytes.

    >>> smaller_style("p.a { margin: 0 auto; }")
    'p.a{margin: 0 auto;}'
    """
    return _smaller(source, "{};,")


def _smaller(source: str, separators: str) -> str:
    """Spaces go where a separator stands beside them; ``+`` and ``-`` are none: ``a + +b`` is not ``a++b``."""
    around = re.compile(rf"\s*([{re.escape(separators)}])\s*")
    found, start = [], 0
    for match in [*_TOKEN.finditer(source), None]:
        code = source[start : match.start() if match else len(source)]
        found.append(around.sub(r"\1", re.sub(r"\s+", " ", code)))
        if match:
            found.append(match["text"] or "")
            start = match.end()
    return "".join(found).strip()
