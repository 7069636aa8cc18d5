"""Text in pictures, by the Tesseract library of this machine, when there is one.

Its C interface is used within the reader's process, not its program: the model is loaded before children are confined,
so recognising a hostile picture opens no file and starts no program, thread or connection. Runs in a process of its own
(`child` started with languages) because of its memory, and because a library that fails to load should take nothing
else with it.
"""

import ctypes
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile

from PIL import Image, ImageDraw

from hub.documents.reader import fonts

LIBRARIES = ("libtesseract.so.5", "libtesseract.so.4")
PICTURE_MILLISECONDS = 90_000
"""By the clock, of one picture: a page takes some three seconds of processor, on a busy machine several times that by the clock."""

LONGEST_NAME = 60
_NEURAL_NETWORK = 1
_PAGE_OF_ANY_LAYOUT = 1
_A4_LONG_SIDE_INCHES = 11.7
_LEAST_RESOLUTION, _MOST_RESOLUTION = 70, 600
_SAMPLE = "Warm-up of 12 words"

_POINTER, _TEXT, _NUMBER = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
# Name: (result, arguments). From the library's capi.h, which is kept stable.
_FUNCTIONS = {
    "TessVersion": (_TEXT, []),
    "TessBaseAPICreate": (_POINTER, []),
    "TessBaseAPIInit2": (_NUMBER, [_POINTER, _TEXT, _TEXT, _NUMBER]),
    "TessBaseAPIGetLoadedLanguagesAsVector": (ctypes.POINTER(_TEXT), [_POINTER]),
    "TessBaseAPISetPageSegMode": (None, [_POINTER, _NUMBER]),
    "TessBaseAPISetImage": (None, [_POINTER, _TEXT, _NUMBER, _NUMBER, _NUMBER, _NUMBER]),
    "TessBaseAPISetSourceResolution": (None, [_POINTER, _NUMBER]),
    "TessBaseAPIRecognize": (_NUMBER, [_POINTER, _POINTER]),
    "TessBaseAPIGetUTF8Text": (_POINTER, [_POINTER]),
    "TessBaseAPIClear": (None, [_POINTER]),
    "TessDeleteText": (None, [_POINTER]),
    "TessMonitorCreate": (_POINTER, []),
    "TessMonitorDelete": (None, [_POINTER]),
    "TessMonitorSetDeadlineMSecs": (None, [_POINTER, _NUMBER]),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Recogniser:
    """A loaded library with its model. `name`: what it is, its version and languages."""

    name: str
    _library: ctypes.CDLL
    _handle: int

    def text(self, picture: Image.Image) -> str | None:
        """The words on it in reading order, a line each; None when it took too long."""
        grey = picture.convert("L")
        library, handle = self._library, self._handle
        library.TessBaseAPISetImage(handle, grey.tobytes(), grey.width, grey.height, 1, grey.width)
        library.TessBaseAPISetSourceResolution(handle, _resolution(grey))
        try:
            return self._recognised()
        finally:
            library.TessBaseAPIClear(handle)

    def _recognised(self) -> str | None:
        library, handle = self._library, self._handle
        monitor = library.TessMonitorCreate()
        try:
            library.TessMonitorSetDeadlineMSecs(monitor, PICTURE_MILLISECONDS)
            if library.TessBaseAPIRecognize(handle, monitor) != 0:
                return None
            found = library.TessBaseAPIGetUTF8Text(handle)
            if not found:
                return None
            try:
                return ctypes.string_at(found).decode("utf-8", "replace")
            finally:
                library.TessDeleteText(found)
        finally:
            library.TessMonitorDelete(monitor)


def load(languages: str) -> Recogniser | None:
    """`languages` as Tesseract names them, joined by '+'. None when the library or none of the languages is here."""
    library = _library()
    if library is None:
        return None
    handle = library.TessBaseAPICreate()
    if library.TessBaseAPIInit2(handle, None, languages.encode(), _NEURAL_NETWORK) != 0:
        return None
    library.TessBaseAPISetPageSegMode(handle, _PAGE_OF_ANY_LAYOUT)
    version = library.TessVersion().decode("ascii", "replace")
    name = f"tesseract {version} {'+'.join(_loaded(library, handle))}"
    return Recogniser(name=name[:LONGEST_NAME], _library=library, _handle=handle)


def warm_up(recogniser: Recogniser) -> bool:
    """Recognise a line of its own, so that nothing is left to load; False when it cannot read that."""
    picture = Image.new("L", (600, 120), 255)
    ImageDraw.Draw(picture).text((20, 30), _SAMPLE, fill=0, font=fonts.drawn("regular", 36))
    return "12 words" in (recogniser.text(picture) or "")


def _library() -> ctypes.CDLL | None:
    for name in LIBRARIES:
        with suppress(OSError, AttributeError):
            return _declared(ctypes.CDLL(name))
    return None


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _loaded(library: ctypes.CDLL, handle: int) -> list[str]:
    """Those of the languages asked for that are here."""
    names = takewhile(bool, library.TessBaseAPIGetLoadedLanguagesAsVector(handle))
    return [name.decode("ascii", "replace") for name in names]


def _resolution(picture: Image.Image) -> int:
    """As if it were a sheet of A4, which scans nearly always are."""
    return min(max(round(max(picture.size) / _A4_LONG_SIDE_INCHES), _LEAST_RESOLUTION), _MOST_RESOLUTION)
