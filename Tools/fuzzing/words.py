"""Words that parsers look for, so that mutations need not guess them letter by letter."""

from pathlib import Path

_NUMBERS = (b"-0.5e-3", b"1E5", b"1e400", b"1e-46", b"nan", b"-Infinity", b"3.4028236e38", b"16777217", b"+.5", b"007")
_JSON = (
    b"true", b"false", b"null", b'""', b"{}", b"[]", b"[[", b'{"a":', b'"id":', b'"vector":', b"[1,2,3]", b"\\u0000",
    b"\\ud83d\\ude00", b"\\ud800", b"\\udc00", b"\\n", b"\\/", b"\\\\", b'\\"', b"\r\n", b"\xef\xbb\xbf",
    b"\xf0\x9f\x98\x80", b"\xc3\xa9", b"\xed\xa0\x80", b"9223372036854775807", b"-9223372036854775808",
)
_DELIMITED = (b'"a,b"', b'""""', b'"\n"', b"\t\t", b",,", b"\r\n")
_NPY = (
    b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00", b"'descr': '", b"'fortran_order': False", b"'fortran_order': True",
    b"'shape': (2, 3)", b"'shape': (2,)", b"'<f4'", b"'>f8'", b"'<f2'", b"'|u1'", b"'|i1'", b"'<i4'", b"'>u8'", b"'<i8'",
)
_SAFETENSORS = (
    b'"dtype":"F32"', b'"dtype":"BF16"', b'"dtype":"F16"', b'"dtype":"F64"', b'"dtype":"I8"', b'"shape":[2,3]',
    b'"data_offsets":[0,24]', b'"__metadata__":{}', b'"bf16":{',
)
_MANIFEST_KEYS = (
    b"format", b"version", b"metric", b"dimensions", b"model", b"candidates", b"queries", b"test", b"sha256", b"vectors",
    b"ids", b"metadata", b"count", b"duplicate_ids", b"pairs",
)
_MANIFEST = tuple(b'"' + key + b'":' for key in _MANIFEST_KEYS) + (
    b'"vecdb-embedding-export"', b'"allow"', b'"keep-last"', b'"dot"', b'"cosine"', b'"l2"', b'"a.npy"', b'"../b.txt"',
)
_COUNTS = (b"\x01\0\0\0", b"\x03\0\0\0", b"\xff\xff\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x80")

WORDS = {
    "vectors": _NUMBERS + _JSON + _DELIMITED + _NPY + _SAFETENSORS + _COUNTS,
    "metadata": _NUMBERS + _JSON + _DELIMITED,
    "ids": _NPY + _COUNTS + (b"\r\n", b"\xef\xbb\xbf", b"\xc3\xa9"),
    "manifest": _JSON + _MANIFEST,
    "json": _NUMBERS + _JSON,
    "numbers": _NUMBERS,
}


def write_dictionary(target: str, path: Path) -> bool:
    """Writes the words of a target as libFuzzer reads them; `False` when it has none."""
    lines = ['"' + "".join(f"\\x{byte:02x}" for byte in word) + '"' for word in WORDS.get(target, ())]
    path.write_text("".join(line + "\n" for line in lines))
    return bool(lines)
