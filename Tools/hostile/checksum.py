"""CRC-32C, computed in C: for sealing changed files, and for the second reader, whose own is plain and slow."""

import ctypes
from pathlib import Path

from experiment.compiler import compiled
from experiment.errors import HarnessError
from reader import checksum

_plain = checksum.crc32c


def compute_in_c(directory: Path) -> None:
    """Gives the second reader a checksum that is computed in C; the library is made in `directory`."""
    library = ctypes.CDLL(str(compiled(Path(__file__).with_name("crc32c.c"), directory)))
    library.crc32c.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint32)
    library.crc32c.restype = ctypes.c_uint32

    def crc32c(data: "bytes | bytearray", crc: int = 0) -> int:
        return library.crc32c(bytes(data), len(data), crc)

    for sample in (b"", b"123456789", bytes(range(256)) * 5):
        if crc32c(sample) != _plain(sample) or crc32c(sample, 7) != _plain(sample, 7):
            raise HarnessError("the checksum in C is not that of the second reader")
    checksum.crc32c = crc32c
