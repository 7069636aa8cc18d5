"""The one way to write down, in bytes, what a ciphertext belongs to.

Each field is preceded by its length in two bytes, big-endian, so that no two lists of fields give the
same bytes. The first field is a label that names the use and its version. See docs/sealed-format.md.
"""

from collections.abc import Mapping


def canonical(label: str, *fields: str | int) -> bytes:
    """The fields of two calls, one after the other, are those of one call with all of them."""
    raws = [str(field).encode() for field in (label, *fields)]
    return b"".join([len(raw).to_bytes(2, "big") + raw for raw in raws])


def canonical_context(label: str, context: Mapping[str, str]) -> bytes:
    """Bind a mapping whatever its order: names sorted by code point, each followed by its value."""
    pairs = [part for name in sorted(context) for part in (name, context[name])]
    return canonical(label, *pairs)
