"""Where sealed bytes lie. The hub chooses by URL; every store keeps the contract in ``base``."""

from pathlib import Path

from storage.stores.base import Store, StoredObject, StoreWriter
from storage.stores.folder import FolderStore
from storage.stores.memory import MemoryStore

__all__ = ["FolderStore", "MemoryStore", "Store", "StoreWriter", "StoredObject", "store_from_url"]


def store_from_url(url: str, home: Path) -> Store:
    """``""`` or ``folder:`` (below ``home``), ``folder:/absolute/path``, ``memory:``, ``s3://bucket/prefix``."""
    scheme, _, rest = url.partition(":")
    match scheme:
        case "" | "folder":
            return FolderStore(Path(rest) if rest else home / "objects")
        case "memory":
            return MemoryStore()
        case "s3":
            from storage.stores.s3 import s3_store_from_url  # noqa: PLC0415  (boto3 takes 0.3 s to import)

            return s3_store_from_url(url)
        case _:
            raise ValueError("HUB_STORE_URL must be empty or begin with folder:, s3:// or memory:.")
