"""Checkpoints as text: C2SP signed notes (c2sp.org/signed-note) of c2sp.org/tlog-checkpoint. Pure; see docs/log-format.md, section 4."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.ledger.tree import HASH_SIZE

ED25519 = 1
COSIGNATURE = 4
KEY_HASH_SIZE = 4
_MARK = "\u2014 "


class BadNote(ValueError):  # noqa: N818 - named for what is the case
    """The text is no such note, key or checkpoint."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Who signs under which name; `algorithm` is ED25519 (a log) or COSIGNATURE (a witness)."""

    name: str
    algorithm: int
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """`name+keyhash hex+base64(algorithm | public key)`; raises BadNote."""
        try:
            name, hashed, data = text.split("+", 2)
            raw = base64.b64decode(data, validate=True)
            key = cls(name, raw[0], raw[1:])
            Ed25519PublicKey.from_public_bytes(key.public)
        except (ValueError, IndexError, binascii.Error) as error:
            raise BadNote("This is no verifier key.") from error
        if key.algorithm not in (ED25519, COSIGNATURE) or key.key_hash.hex() != hashed or not _is_name(name):
            raise BadNote("This is no verifier key of a log or of a witness.")
        return key

    def __str__(self) -> str:
        data = base64.b64encode(bytes([self.algorithm]) + self.public).decode()
        return f"{self.name}+{self.key_hash.hex()}+{data}"

    @property
    def key_hash(self) -> bytes:
        said = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public
        return hashlib.sha256(said).digest()[:KEY_HASH_SIZE]

    def signed(self, text: str, signature: bytes) -> bool:
        """Whether this key made the signature (of a witness: time and signature) over the note's text."""
        said = text.encode()
        if self.algorithm == COSIGNATURE:
            said = cosigned(text, int.from_bytes(signature[:8], "big"))
            signature = signature[8:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, said)
        except InvalidSignature:
            return False
        return True


def cosigned(text: str, seconds: int) -> bytes:
    """What a witness signs: c2sp.org/tlog-cosignature."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _is_name(name: str) -> bool:
    return bool(name) and not any(character.isspace() or character == "+" for character in name)


@dataclass(frozen=True, slots=True)
class Line:
    """One signature of a note."""

    name: str
    key_hash: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{_MARK}{self.name} {base64.b64encode(self.key_hash + self.signature).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> "Line":
        try:
            mark, name, data = text.split(" ")
            raw = base64.b64decode(data, validate=True)
        except (ValueError, binascii.Error) as error:
            raise BadNote("This is no signature line.") from error
        if mark != _MARK.strip() or not _is_name(name) or len(raw) <= KEY_HASH_SIZE:
            raise BadNote("This is no signature line.")
        return cls(name, raw[:KEY_HASH_SIZE], raw[KEY_HASH_SIZE:])


@dataclass(frozen=True, slots=True)
class Note:
    """`text` ends in a newline."""

    text: str
    lines: tuple[Line, ...]

    @classmethod
    def parse(cls, note: str) -> "Note":
        text, gap, signatures = note.rpartition("\n\n")
        if not gap or not signatures.endswith("\n"):
            raise BadNote("This is no signed note.")
        return cls(text + "\n", tuple(Line.parse(line) for line in signatures[:-1].split("\n")))

    def __str__(self) -> str:
        return self.text + "\n" + "".join(str(line) for line in self.lines)

    def with_line(self, line: Line) -> "Note":
        return Note(self.text, (*self.lines, line))

    def signature_of(self, key: VerifierKey) -> Line | None:
        """The line that this key made, if it did: a line under its name that does not verify is none."""
        for line in self.lines:
            if (line.name, line.key_hash) == (key.name, key.key_hash) and key.signed(
                self.text, line.signature
            ):
                return line
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What the hub signs: the tree of an area's log and the tree of its case heads."""

    origin: str
    size: int
    root: bytes
    at: datetime
    cases: int
    case_root: bytes

    @property
    def text(self) -> str:
        return (
            f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"
            f"at {self.at.isoformat(timespec='microseconds')}\n"
            f"case-heads {self.cases} {base64.b64encode(self.case_root).decode()}\n"
        )

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Exactly what `text` writes; raises BadNote."""
        try:
            origin, size, root, at, heads, rest = text.split("\n")
            _, cases, case_root = heads.split(" ")
            made = cls(
                origin=origin,
                size=int(size),
                root=base64.b64decode(root, validate=True),
                at=datetime.fromisoformat(at.removeprefix("at ")),
                cases=int(cases),
                case_root=base64.b64decode(case_root, validate=True),
            )
        except (ValueError, binascii.Error) as error:
            raise BadNote("This is no checkpoint of a hub's log.") from error
        if rest or made.text != text or {len(made.root), len(made.case_root)} != {HASH_SIZE}:
            raise BadNote("This is no checkpoint of a hub's log.")
        return made


def origin_of(hub: str, area: str) -> str:
    return f"mappa-hub/{hub}/{area}"


def log_key(origin: str, public: bytes) -> VerifierKey:
    return VerifierKey(origin, ED25519, public)


def sign(checkpoint: Checkpoint, seed: bytes) -> Note:
    """`seed`: the 32 bytes of an Ed25519 private key."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key = log_key(checkpoint.origin, private.public_key().public_bytes_raw())
    return Note(checkpoint.text, (Line(key.name, key.key_hash, private.sign(checkpoint.text.encode())),))


def opened(note: str, key: VerifierKey) -> Checkpoint:
    """The checkpoint of a note that this key signed for its own log; raises BadNote."""
    parsed = Note.parse(note)
    if parsed.signature_of(key) is None:
        raise BadNote("The checkpoint is not signed by this log.")
    found = Checkpoint.parse(parsed.text)
    if found.origin != key.name:
        raise BadNote("The checkpoint is of another log.")
    return found
