"""Files that arrive packed."""

from __future__ import annotations

import gzip
import zlib

from activeloop.errors import TableError


def unpack(content: bytes, file: str) -> bytes:
    """The content of a gzipped file; any other content as it is.

    Raises:
        TableError: the packed file is damaged or cut off.
    """
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        data = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise TableError("the gzip file is damaged or cut off. Copy or download it again.", file=file) from None
    if not data.strip():
        raise TableError("the gzip file holds nothing. Export it again.", file=file)
    return data
