"""What the operator can do at the machine: each command goes through the same services and the same log."""

from hub.commands.install import prepare
from hub.commands.registry import COMMANDS, main

__all__ = ["COMMANDS", "main", "prepare"]
