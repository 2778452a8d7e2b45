"""Labels of charsets as mail programs and phones write them, and which codec reads each.

A closed list: Python's other codecs (punycode, escapes) aren't for strangers.
"""

from typing import Final

LATIN: Final = {
    **dict.fromkeys(("windows-1250", "cp1250", "x-cp1250", "win-1250", "windows1250", "cp-1250"), "cp1250"),
    **dict.fromkeys(("iso-8859-2", "iso8859-2", "iso_8859-2", "latin2", "l2", "iso-ir-101"), "iso8859-2"),
    **dict.fromkeys(("windows-1252", "cp1252", "x-ansi", "ansi", "windows1252"), "cp1252"),
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "l1", "iso-ir-100"), "cp1252"),
    **dict.fromkeys(("iso-8859-15", "iso8859-15", "latin9", "latin-9"), "iso8859-15"),
}
"""Labels of single-octet Latin sets, which are taken for one another. ISO-8859-1 is read as its superset,
which has the euro sign (WHATWG Encoding Standard, 4.2)."""
UTF8: Final = {"utf-8", "utf8", "unicode-1-1-utf-8", "x-utf-8", "utf_8", "utf8mb4"}
UNKNOWN: Final = {
    "",
    "us-ascii",
    "ascii",
    "ansi_x3.4-1968",
    "unknown-8bit",
    "x-unknown",
    "8bit",
    "default",
    "text",
}
"""Labels that say nothing."""
TRUSTED: Final = {
    **{name: name for name in ("utf-16", "utf-16le", "utf-16be", "utf-32", "utf-7", "koi8-r", "koi8-u")},
    **{f"iso-8859-{n}": f"iso8859-{n}" for n in (3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 16)},
    **{f"windows-{n}": f"cp{n}" for n in (1251, 1253, 1254, 1255, 1256, 1257, 1258)},
    **{
        name: name
        for name in ("ibm852", "cp852", "cp437", "cp850", "cp866", "mac-latin2", "macintosh", "gbk")
    },
    **{name: name for name in ("gb18030", "gb2312", "big5", "shift_jis", "euc-jp", "euc-kr", "iso-2022-jp")},
    "x-mac-ce": "mac-latin2",
    "ks_c_5601-1987": "euc-kr",
}
"""Labels that are believed."""
