"""Table of the sealed shards: one for each case, rewritten with the text that it indexes."""

from datetime import datetime

from sqlalchemy import ForeignKey, Integer
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
