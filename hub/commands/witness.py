"""`python3 -m hub witness`: cosign other hubs' checkpoints."""

import os
from collections.abc import Sequence

from hub.proof.outside import witness as outside


def witness(argv: Sequence[str]) -> int:
    """The stand-alone program with its folder below this home; it opens nothing else of the hub."""
    os.environ.setdefault("WITNESS_HOME", os.path.join(os.environ.get("HUB_HOME", "var"), "witness"))  # noqa: PTH118 - as argparse shows it
    return outside.main(argv)
