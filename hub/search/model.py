"""Table of the sealed shards: one for each case, rewritten with the text that it indexes."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class CaseShard(Base):
    """`version` is bound into each seal, so an older shard of the same case is refused."""

    __tablename__ = "case_shard"

    case_id: Mapped[str] = mapped_column(ForeignKey("case_.id"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    sealed_scan: Mapped[bytes]
    sealed_positions: Mapped[bytes]
    sealed_words: Mapped[bytes]
    changed_at: Mapped[datetime]


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
