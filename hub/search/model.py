"""Tables of the sealed shards, rewritten with the text that they index, and of what people asked for."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class CaseShard(Base):
    """What is found in some documents of a case: all those that the same people may read.

    `shelf`: empty for what everybody on the case may read; else of one narrowed audience, whose agencies are in `ShelfAgency`.
    `version` is bound into each seal, so an older shard of the same shelf is refused. `format`: `hub.search.shard.VERSION`
    of the program that wrote it; a shard of another format is not read but made anew.
    """

    __tablename__ = "case_shard"

    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"), primary_key=True)
    shelf: Mapped[str] = mapped_column(String(26), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    format: Mapped[int] = mapped_column(Integer)
    sealed_scan: Mapped[bytes]
    sealed_positions: Mapped[bytes]
    sealed_words: Mapped[bytes]
    changed_at: Mapped[datetime]

    @property
    def name(self) -> str:
        return shelf_name(self.case_id, self.shelf)


class ShelfAgency(Base):
    """An agency that may read the documents of a narrowed shelf."""

    __tablename__ = "shelf_agency"

    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"), primary_key=True)
    shelf: Mapped[str] = mapped_column(String(26), primary_key=True)
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"), primary_key=True)


def shelf_name(case: str, shelf: str) -> str:
    """What a shelf is called in the engine and bound to in its seals; that of everybody by the case alone."""
    return f"{case}/{shelf}" if shelf else case


class AskedSearch(Base):
    """What someone searched for, sealed, so that a page of results has an address without the words in it.

    Addresses end up in browsers' histories and proxies' logs; what is searched for is often a name.
    """

    __tablename__ = "asked_search"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id"))
    sealed_form: Mapped[bytes]
    at: Mapped[datetime]

    __table_args__ = (Index("ix_asked_search_account", "account_id", "at"),)


class SavedSearch(Base):
    """A search that someone keeps for themselves; `sealed_form`: JSON of its name and its fields."""

    __tablename__ = "saved_search"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    sealed_form: Mapped[bytes]
    at: Mapped[datetime]

    __table_args__ = (Index("ix_saved_search_account", "account_id", "at"),)
