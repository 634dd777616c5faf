#!/usr/bin/env python3
"""Opens tests/vectors/keyfile_v2.toml by shares, from the format's description alone.

A second implementation, beside src/crypto/share.rs, src/crypto/shamir.rs and src/keyring/: Bech32m
by BIP 350's own reference code, Shamir's scheme with a table of logarithms, and Python's packages.

    python3 tests/vectors/shares.py
"""

import base64
import hmac
import itertools
import json
import pathlib
import struct
import tomllib

from crypto import aes_cmac, expand, frame
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from keyfile import open_envelope

HERE = pathlib.Path(__file__).parent
CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
PLANES = {1: "registers", 2: "vault"}

# Logarithms to the base 3 in GF(2^8) modulo 0x11b.
POWERS = [1]
for _ in range(254):
    doubled = POWERS[-1] << 1
    doubled ^= 0x11B if doubled & 0x100 else 0
    POWERS.append(doubled ^ POWERS[-1])
LOGS = {value: power for power, value in enumerate(POWERS)}


def mul(a, b):
    return POWERS[(LOGS[a] + LOGS[b]) % 255] if a and b else 0


def div(a, b):
    return POWERS[(LOGS[a] - LOGS[b]) % 255] if a else 0


def polymod(values):
    generator = [0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3]
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i in range(5):
            check ^= generator[i] if (top >> i) & 1 else 0
    return check


def read(text):
    text = text.replace(" ", "")
    human, _, data = text.rpartition("1")
    assert human == "hvelv" and len(text) == 89
    values = [CHARSET.index(character) for character in data]
    expanded = [ord(x) >> 5 for x in human] + [0] + [ord(x) & 31 for x in human]
    assert polymod(expanded + values) == 0x2BC830A3
    bits = "".join(f"{value:05b}" for value in values[:-6])
    assert bits[384:] == "0"
    payload = int(bits[:384], 2).to_bytes(48, "big")
    version, plane, store, chosen, threshold, index, share = struct.unpack(">BB4s8sBB32s", payload)
    assert version == 1
    return {
        "plane": PLANES[plane],
        "store": store,
        "set": chosen,
        "threshold": threshold,
        "index": index,
        "share": share,
        "tag": hmac.digest(share, frame(b"hvelv/v1/tag/share", payload[:16]), "sha256"),
    }


def join(shares):
    secret = bytes(32)
    for one in shares:
        weight = 1
        for other in shares:
            if other is not one:
                weight = mul(weight, div(other["index"], other["index"] ^ one["index"]))
        secret = bytes(old ^ mul(weight, new) for old, new in zip(secret, one["share"]))
    return secret


def main():
    raw = (HERE / "keyfile_v2.toml").read_bytes()
    facts = json.loads((HERE / "keyfile_v2.json").read_text())
    file = tomllib.loads(raw.decode())
    store_id = bytes.fromhex(file["store_id"])
    assert file["format"] == 2

    roots, ways = {}, 0
    for entry in (root for root in file["root"] if root["method"] == "shares"):
        plane = entry["plane"].encode()
        shares = [read(text) for text in facts[entry["plane"]]]
        chosen = bytes.fromhex(entry["set"])
        for index, (share, tag) in enumerate(zip(shares, entry["tags"], strict=True), 1):
            assert (share["plane"], share["index"]) == (entry["plane"], index)
            assert (share["store"], share["set"]) == (store_id[:4], chosen)
            assert share["threshold"] == entry["threshold"] and share["tag"].hex() == tag
        sealed = base64.b64decode(entry["sealed"], validate=True)
        for some in itertools.combinations(shares, entry["threshold"]):
            kek = expand(join(some), "hvelv/v1/derive/share-kek", store_id, plane, chosen)
            context = [b"root", plane, store_id]
            root = open_envelope(kek, 0, b"hvelv/v1/seal/key", context, sealed)
            assert roots.setdefault(entry["plane"], root) == root
            ways += 1

    mac_key = expand(roots["registers"], "hvelv/v1/derive/key-file-mac", store_id)
    assert raw[-73:] == b'mac = "%s"\n' % hmac.new(mac_key, raw[:-73], "sha256").hexdigest().encode()

    def working_key(purpose):
        (key,) = [key for key in file["key"] if (key["purpose"], key["state"]) == (purpose, "active")]
        plane = key["plane"].encode()
        wrap = expand(roots[key["plane"]], "hvelv/v1/derive/root-wrap", plane)
        numbers = struct.pack(">I", key["id"]), struct.pack(">I", key["epoch"])
        context = [b"key", store_id, plane, numbers[0], purpose.encode(), b"", numbers[1]]
        return open_envelope(wrap, 0, b"hvelv/v1/seal/key", context, base64.b64decode(key["wrapped"]))

    assert aes_cmac(working_key("index"), b"encoding").hex() == facts["tag"]
    signing = Ed25519PrivateKey.from_private_bytes(working_key("audit_signing"))
    assert signing.public_key().public_bytes_raw().hex() == facts["audit_public_key"]
    print(f"{len(roots)} roots opened by {ways} choices of shares, all agree")


if __name__ == "__main__":
    main()
