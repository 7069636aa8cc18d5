"""The pictures of one document that may hold text: how many there are, and what is recognised on them.

Runs in the child only. One document's time is shared out here, so that it ends with what was had and not at its limit.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image

MOST = 200
"""Pictures of one document on which text is recognised."""
PICTURE_SECONDS = 20.0
"""Of processor: so much must be left of the document's time for one more picture."""

Recognise = Callable[[Image.Image], str | None]
"""The text of a picture in grey; None when it took too long."""
_BROKEN_WORD = re.compile(r"(?<=[^\W\d_])-\n(?=[a-z\u00df-\u00ff])")


@dataclass(slots=True)
class Scans:
    """`recognise` None: pictures are counted alone. `seconds`: of processor, for all that is done with the document."""

    recognise: Recognise | None = None
    seconds: float = 0.0
    unread: int = field(default=0, init=False)
    _taken: int = field(default=0, init=False)

    def text(self, picture: Callable[[], Image.Image]) -> str:
        """What is recognised on it; empty, and counted as unread, when nothing can recognise it or time is up."""
        if self.recognise is None or self._taken >= MOST or self._late():
            self.unread += 1
            return ""
        self._taken += 1
        found = self.recognise(picture())
        if found is None:
            self.unread += 1
        return _BROKEN_WORD.sub("", found or "").strip()

    def _late(self) -> bool:
        return time.process_time() + PICTURE_SECONDS > self.seconds
