#!/usr/bin/env python3
"""Computes tests/vectors/crypto.json anew, from the formats' description alone, and compares.

A second implementation, on the Python package "cryptography" (AES, AES-GCM, CMAC, HKDF, HMAC,
argon2id, Ed25519); FF1 and everything of ours is written out below.  It shows that the vectors say
what docs/FORMATS.md says, and not merely what the Rust code did.

    python3 tests/vectors/crypto.py          compares; exits 1 on a difference
    python3 tests/vectors/crypto.py --print  prints what it computed

The vectors are for ever: when the two differ, one of the implementations is wrong.
"""

import hashlib
import hmac
import json
import math
import pathlib
import struct
import sys

from cryptography.hazmat.primitives import cmac, hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand


def secret(name):
    return hashlib.sha256(b"hvelv golden " + name.encode()).digest()


def frame(*parts):
    return bytes([len(parts)]) + b"".join(struct.pack(">I", len(p)) + p for p in parts)


def seeded(seed, length):
    """One draw from a new source with this seed."""
    blocks = (length + 31) // 32
    stream = b"".join(
        hashlib.sha256(b"hvelv dangerous seeded" + struct.pack(">QQ", seed, i)).digest()
        for i in range(blocks)
    )
    return stream[:length]


def envelope(key, key_id, nonce, aad, plaintext):
    return b"\x01" + struct.pack(">I", key_id) + nonce + AESGCM(key).encrypt(nonce, plaintext, aad)


def aes(key, block):
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(block) + encryptor.finalize()


def aes_cmac(key, message):
    mac = cmac.CMAC(algorithms.AES(key))
    mac.update(message)
    return mac.finalize()


def expand(key, label, *context):
    info = frame(label.encode(), *context)
    return HKDFExpand(algorithm=hashes.SHA256(), length=32, info=info).derive(key)


def ff1(key, digits, number):
    """NIST SP 800-38G, algorithm 7, radix 10, empty tweak, step by step on integers."""
    u = digits // 2
    v = digits - u
    a, b = divmod(number, 10**v)
    width = math.ceil(math.ceil(v * math.log2(10)) / 8)
    d = 4 * math.ceil(width / 4) + 4
    p = bytes([1, 2, 1, 0, 0, 10, 10, u % 256]) + struct.pack(">II", digits, 0)
    for i in range(10):
        q = bytes((-width - 1) % 16) + bytes([i]) + b.to_bytes(width, "big")
        state = bytes(16)
        for at in range(0, len(p + q), 16):
            block = (p + q)[at : at + 16]
            state = aes(key, bytes(x ^ y for x, y in zip(state, block)))
        assert d <= 16
        y = int.from_bytes(state[:d], "big")
        m = u if i % 2 == 0 else v
        a, b = b, (a + y) % 10**m
    return a * 10**v + b


def number_at(key, position):
    block, within = divmod(position, 10**7)
    block_key = expand(key, "hvelv/v1/derive/number-block", struct.pack(">Q", block))
    return block * 10**7 + ff1(block_key, 7, within)


def serial_body(key, width, number):
    first = 10 ** (width - 2)
    value = ff1(key, width - 1, first + number)
    while value < first:
        value = ff1(key, width - 1, value)
    return value


def kek(memory_kib, passes, lanes):
    kdf = Argon2id(
        salt=b"0123456789abcdef", length=32, iterations=passes, lanes=lanes, memory_cost=memory_kib
    )
    return kdf.derive("blåbærsyltetøy".encode())


def compute():
    key_id = struct.pack(">I", 0x0A0B0C0D)
    record_aad = frame(b"hvelv/v1/seal/record", b"\x01", key_id, b"\x01\x02", b"row-key", b"\0\3")
    wrap_id = struct.pack(">I", 9)
    wrap_aad = frame(b"hvelv/v1/seal/key", b"\x01", wrap_id, b"identity", b"\0\7", b"")
    nonce = seeded(1, 12)
    encodings = [b"", b"01010112345", bytes(range(15)), bytes(range(16)), bytes(range(40))]
    numbers = [0, 1, 1_234_567_890_123, 9_999_999_999_999]
    positions = [0, 1, 9_999_999, 10_000_000, 9_999_999_999_999]
    inner = hmac.new(secret("oneway mac"), b"encoding", "sha256").digest()[:16]
    signing = Ed25519PrivateKey.from_private_bytes(secret("signing"))
    public = signing.public_key().public_bytes_raw()
    name = b"hvelv.example.no/audit"
    return {
        "entropy_seed_1": seeded(1, 40).hex(),
        "record_aad": record_aad.hex(),
        "record_envelope": envelope(
            secret("storage"), 0x0A0B0C0D, nonce, record_aad, b"sealed record"
        ).hex(),
        "wrap_aad": wrap_aad.hex(),
        "wrapped_key": envelope(secret("wrap"), 9, nonce, wrap_aad, secret("inner")).hex(),
        "derived_number_block_3": expand(
            secret("numbers"), "hvelv/v1/derive/number-block", struct.pack(">Q", 3)
        ).hex(),
        "keyed_digest": hmac.new(secret("digest"), frame(b"part", b""), "sha256").hexdigest(),
        "tags": [
            {"encoding": e.hex(), "tag": aes_cmac(secret("index"), e).hex()} for e in encodings
        ],
        "oneway_tag": aes(secret("oneway outer"), inner).hex(),
        "register_id_bodies": [[n, ff1(secret("register id"), 13, n)] for n in numbers],
        "numbers": [[p, number_at(secret("numbers"), p)] for p in positions],
        "serials": [
            [w, n, serial_body(secret("serial"), w, n)]
            for w in (8, 9, 13, 14)
            for n in (0, 1, 9 * 10 ** (w - 2) - 1)
        ],
        "kek_development": kek(8 * 1024, 1, 1).hex(),
        "kek_production": kek(256 * 1024, 3, 1).hex(),
        "signature": signing.sign(b"message").hex(),
        "public_key": public.hex(),
        "note_key_id": hashlib.sha256(name + b"\n\x01" + public).digest()[:4].hex(),
    }


def main():
    computed = compute()
    if "--print" in sys.argv:
        print(json.dumps(computed, indent=1))
        return
    pinned = json.loads((pathlib.Path(__file__).parent / "crypto.json").read_text())
    pinned.pop("about")
    differing = [k for k in pinned.keys() | computed.keys() if pinned.get(k) != computed.get(k)]
    print("differs: " + ", ".join(sorted(differing)) if differing else f"{len(pinned)} fields agree")
    sys.exit(bool(differing))


if __name__ == "__main__":
    main()
