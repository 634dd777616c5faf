"""Checks an extract's manifest apart from Hvelv: it shares no code with it and writes nothing.

    python3 tests/vectors/manifest.py                              the vector in this directory
    python3 tests/vectors/manifest.py NOTE VERIFIERKEY [FILE ...]  any manifest, and decrypted files

Needs the PyPI package `cryptography` for Ed25519; everything else is the standard library. The
formats are in docs/FORMATS.md and c2sp.org/signed-note.
"""

import base64
import hashlib
import json
import pathlib
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HERE = pathlib.Path(__file__).parent


def verifier(text):
    name, key_id, key = text.split("+", 2)
    key = base64.b64decode(key, validate=True)
    assert key[0] == 1 and len(key) == 33, "not Ed25519"
    expected = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    assert expected.hex() == key_id, "hash of the verifier key does not match"
    return name, expected, Ed25519PublicKey.from_public_bytes(key[1:])


def opened(note, key):
    name, key_id, public = verifier(key)
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        signature = base64.b64decode(signature, validate=True)
        if (dash, signer, signature[:4]) == ("—", name, key_id):
            public.verify(signature[4:], text.encode())
            manifest = json.loads(text)
            assert manifest["v"] == 1 and manifest["verifier_key"] == key
            # The one form that is signed.
            assert json.dumps(manifest, indent=2, ensure_ascii=False) + "\n" == text
            return manifest
    raise SystemExit("not signed by the key")


def main(arguments):
    if not arguments:
        note = (HERE / "extract_manifest_v1.note").read_text(encoding="utf-8")
        key = next(line for line in note.splitlines() if '"verifier_key"' in line).split('"')[3]
        assert opened(note, key)["files"][0]["name"] == "npr.csv"
        print("extract_manifest_v1.note: verified")
        return
    note, key, *files = arguments
    manifest = opened(pathlib.Path(note).read_text(encoding="utf-8"), key)
    described = {file["name"]: file for file in manifest["files"]}
    for path in map(pathlib.Path, files):
        with path.open("rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == described[path.name]["sha256"]
        print(f"{path.name}: as the manifest says")
    print(f"{manifest['disclosure']}: verified; expires {manifest['expires']}")


main(sys.argv[1:])
