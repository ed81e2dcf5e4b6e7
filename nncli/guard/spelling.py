"""Names that differ only in how they are written."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nncli.errors import quoted_list
from nncli.table.arrow import numpy_array, text_array

_INVISIBLE = r"\p{Cf}"
_LATIN = str.maketrans("АВЕКМНОРСТХУІЈЅаеорсхуіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEKMHOPCTXYIJSaeopcxyijsABEZHIKMNOPTYXo")
"""Cyrillic and Greek letters that look like Latin ones."""


def spelled_alike(names: pa.Array) -> str | None:
    """Says which distinct names differ only by case, spaces, or characters that look alike; ``None``: none do.

    Characters look alike by Unicode's normalisation, because they have no width, or as letters of another script do.

    >>> from nncli.table.arrow import text_array
    >>> spelled_alike(text_array(["north", "South", "North", "NORTH "]))
    "'north', 'North', 'NORTH ' differ only by case, spaces or look-alike characters"
    """
    seen = pc.replace_substring_regex(pc.utf8_normalize(_in_latin(names), form="NFKC"), _INVISIBLE, "")
    plain = pc.utf8_lower(seen)
    plain = pc.utf8_trim_whitespace(pc.replace_substring_regex(plain, r"\s+", " "))
    encoded = plain.dictionary_encode()
    if len(encoded.dictionary) == len(names):
        return None
    codes = numpy_array(encoded.indices)
    n_alike = np.bincount(codes)[codes]
    first = codes[n_alike > 1][0]
    alike = [name.as_py() for name in names.take(pa.array(np.flatnonzero(codes == first)))]
    others = int((n_alike > 1).sum()) - len(alike)
    more = f" (and {others:,} more of such names)" if others else ""
    return f"{quoted_list(alike)} differ only by case, spaces or look-alike characters{more}"


def _in_latin(names: pa.Array) -> pa.Array:
    if pc.all(pc.string_is_ascii(names)).as_py():
        return names
    return text_array([name.translate(_LATIN) for name in names.to_pylist()])
