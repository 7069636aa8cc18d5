"""One tree of errors. The text of each is one sentence that may be shown to a person."""


class StorageError(Exception):
    """Whatever goes wrong with bytes and keys."""


class NotFound(StorageError):  # noqa: N818  (named for what is the case, as the caller says it)
    """The store holds nothing under this name."""


class Tampered(StorageError):  # noqa: N818
    """What was read is not what was sealed: altered, moved, cut, extended, or of another version."""


class WrongKey(StorageError):  # noqa: N818
    """A key cannot be unwrapped: another root key, a retired version, or another area or case."""


class Unavailable(StorageError):  # noqa: N818
    """The store or the key service does not answer as it should; trying later may help."""


class Full(StorageError):  # noqa: N818
    """There is no room left to write."""


class NoReceipt(StorageError):  # noqa: N818
    """Nobody may open an object without a receipt of the log entry that says so."""


class AlreadyExists(StorageError):  # noqa: N818
    """Nothing is ever overwritten."""


class BadName(StorageError, ValueError):  # noqa: N818
    """A name or an id that this store would never have given."""
