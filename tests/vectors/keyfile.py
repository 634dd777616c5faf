#!/usr/bin/env python3
"""Opens tests/vectors/keyfile_v1.toml from the format's description alone, and checks its keys.

A second implementation, beside src/keyring/, on the Python package "cryptography" and tomllib.

    python3 tests/vectors/keyfile.py
"""

import base64
import hashlib
import hmac
import json
import pathlib
import struct
import tomllib

from crypto import aes, aes_cmac, expand, ff1, frame, number_at
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

HERE = pathlib.Path(__file__).parent


def open_envelope(key, key_id, label, parts, envelope):
    version, found, nonce = envelope[:1], envelope[1:5], envelope[5:17]
    assert version == b"\x01" and found == struct.pack(">I", key_id)
    aad = frame(label, version, found, *parts)
    return AESGCM(key).decrypt(nonce, envelope[17:], aad)


def open_record(key, key_id, envelope):
    place = [b"\0\1", b"row", b"\0\0"]
    return open_envelope(key, key_id, b"hvelv/v1/seal/record", place, bytes.fromhex(envelope))


def main():
    raw = (HERE / "keyfile_v1.toml").read_bytes()
    facts = json.loads((HERE / "keyfile_v1.json").read_text())
    file = tomllib.loads(raw.decode())
    store_id = bytes.fromhex(file["store_id"])
    assert file["format"] == 1 and store_id.hex() == facts["store_id"]

    roots = {}
    for root in file["root"]:
        kek = Argon2id(
            salt=bytes.fromhex(root["salt"]),
            length=32,
            iterations=root["passes"],
            lanes=root["lanes"],
            memory_cost=root["memory_kib"],
        ).derive(facts["passphrase"].encode())
        context = [b"root", root["plane"].encode(), store_id]
        sealed = base64.b64decode(root["sealed"], validate=True)
        roots[root["plane"]] = open_envelope(kek, 0, b"hvelv/v1/seal/key", context, sealed)

    body, last = raw[:-73], raw[-73:]
    mac_key = expand(roots["registers"], "hvelv/v1/derive/key-file-mac", store_id)
    assert last == b'mac = "%s"\n' % hmac.new(mac_key, body, "sha256").hexdigest().encode()
    assert body.endswith(b"\n[integrity]\n")

    keys = {}
    mortal = {"identity", "oneway_outer", "register_id"}
    # Erasure keys are under the roots, so they are opened before what they wrap.
    for key in sorted(file["key"], key=lambda key: key["purpose"] in mortal):
        if key["state"] == "destroyed":
            assert "wrapped" not in key
            continue
        wrapped = base64.b64decode(key["wrapped"], validate=True)
        plane = key["plane"].encode()
        if key["purpose"] in mortal:
            wrap_id = struct.unpack(">I", wrapped[1:5])[0]
            wrap = expand(keys[wrap_id], "hvelv/v1/derive/erasure-wrap")
        else:
            wrap_id = 0
            wrap = expand(roots[key["plane"]], "hvelv/v1/derive/root-wrap", plane)
        scope = struct.pack(">H", key["scope"]) if "scope" in key else b""
        context = [
            b"key",
            store_id,
            plane,
            struct.pack(">I", key["id"]),
            key["purpose"].encode(),
            scope,
            struct.pack(">I", key["epoch"]),
        ]
        keys[key["id"]] = open_envelope(wrap, wrap_id, b"hvelv/v1/seal/key", context, wrapped)

    def find(purpose, scope=None, state="active"):
        (found,) = [
            key
            for key in file["key"]
            if (key["purpose"], key.get("scope"), key["state"]) == (purpose, scope, state)
        ]
        return found["id"], keys[found["id"]]

    assert aes_cmac(find("index")[1], b"encoding").hex() == facts["tag"]
    identity_id, identity = find("identity")
    assert open_record(identity, identity_id, facts["identity_epoch_2"]) == b"identity"
    assert number_at(find("person_numbers")[1], 0) == facts["person_number_at_0"]
    inner = hmac.new(find("oneway_mac", 7)[1], b"encoding", "sha256").digest()[:16]
    assert aes(find("oneway_outer", 7)[1], inner).hex() == facts["oneway_tag"]
    bodies = [
        [2, ff1(find("register_id", 1)[1], 13, 5)],
        [1, ff1(find("register_id", 1, "decrypt_only")[1], 13, 5)],
    ]
    assert bodies == facts["register_1_bodies_of_5"]
    storage_id, storage = find("register_storage")
    assert open_record(storage, storage_id, facts["record"]) == b"record"
    signing = Ed25519PrivateKey.from_private_bytes(find("audit_signing")[1])
    assert signing.public_key().public_bytes_raw().hex() == facts["audit_public_key"]
    digest = hmac.new(find("audit_digest")[1], b"batch", hashlib.sha256).hexdigest()
    assert digest == facts["audit_digest"]
    erasure_id, erasure = find("register_erasure")
    disclosure = open_envelope(
        expand(erasure, "hvelv/v1/derive/erasure-wrap"),
        erasure_id,
        b"hvelv/v1/seal/key",
        [b"disclosure"],
        bytes.fromhex(facts["wrapped_disclosure_key"]),
    )
    assert disclosure == bytes([7]) * 32
    assert dict(facts["marks"]) == file["marks"]
    print(f"{len(keys)} keys opened, all agree")


if __name__ == "__main__":
    main()
