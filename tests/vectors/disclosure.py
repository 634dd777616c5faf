#!/usr/bin/env python3
"""Checks disclosure.json with an implementation that knows only docs/FORMATS.md.

Usage: python3 tests/vectors/disclosure.py [--print]   (package: cryptography)
"""

import hmac
import json
import pathlib
import sys

from crypto import expand, frame, serial_body

KEY = bytes([7]) * 32
SURROGATES = [
    ["patients", "312345678", "A-17"],
    ["patients", "", "A-17"],
    ["episodes", "", "blå"],
]
APPROVALS = [["identify_serial", "000102030405060708090a0b0c0d0e0f", "serial", "123456784"]]


def compute():
    serials = expand(KEY, "hvelv/v1/derive/disclosure-serials")
    surrogates = expand(KEY, "hvelv/v1/derive/disclosure-surrogates")
    digests = expand(KEY, "hvelv/v1/derive/disclosure-digests")
    return {
        "key": KEY.hex(),
        "serial_bodies": [
            [w, n, serial_body(serials, w, n)] for w in (8, 9, 13, 14) for n in (0, 1, 8_999_999)
        ],
        "surrogates": [
            s + [hmac.new(surrogates, frame(*(p.encode() for p in s)), "sha256").digest()[:16].hex()]
            for s in SURROGATES
        ],
        "approvals": [
            a + [hmac.new(digests, frame(*(p.encode() for p in a)), "sha256").hexdigest()]
            for a in APPROVALS
        ],
    }


def main():
    computed = compute()
    if "--print" in sys.argv:
        print(json.dumps(computed, indent=1, ensure_ascii=False))
        return
    pinned = json.loads((pathlib.Path(__file__).parent / "disclosure.json").read_text())
    print("agrees" if pinned == computed else "differs")
    sys.exit(pinned != computed)


if __name__ == "__main__":
    main()
