"""Checks the audit vectors apart from Hvelv: it shares no code with it and writes nothing.

    python3 tests/vectors/audit.py                   the vectors in this directory
    python3 tests/vectors/audit.py FILE VERIFIERKEY  any export, or receipt (*.tlog-proof)

Needs the PyPI package `cryptography` for Ed25519; everything else is the standard library. The
formats are in docs/FORMATS.md, RFC 6962, and c2sp.org: signed-note, tlog-checkpoint,
tlog-cosignature, tlog-proof.
"""

import base64
import hashlib
import json
import pathlib
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

HERE = pathlib.Path(__file__).parent


def sha256(data):
    return hashlib.sha256(data).digest()


def split(n):
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def root(hashes):
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256(b"")
    k = split(len(hashes))
    return sha256(b"\1" + root(hashes[:k]) + root(hashes[k:]))


def inclusion(index, hashes):
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if index < k:
        return inclusion(index, hashes[:k]) + [root(hashes[k:])]
    return inclusion(index - k, hashes[k:]) + [root(hashes[:k])]


def consistency(old, hashes, known=True):
    if old == len(hashes):
        return [] if known else [root(hashes)]
    k = split(len(hashes))
    if old <= k:
        return consistency(old, hashes[:k], known) + [root(hashes[k:])]
    return consistency(old - k, hashes[k:], False) + [root(hashes[:k])]


def open_note(note, verifier_key):
    """The text of a note signed by the key."""
    name, key_id, key = verifier_key.split("+", 2)
    key = base64.b64decode(key, validate=True)
    assert key[0] == 1 and len(key) == 33, "not an Ed25519 verifier key"
    assert sha256(name.encode() + b"\n" + key)[:4].hex() == key_id, "verifier key hash"
    text, signatures = note.rsplit("\n\n", 1)
    signed = False
    for line in signatures.removesuffix("\n").split("\n"):
        dash, signer, signature = line.split(" ")
        signature = base64.b64decode(signature, validate=True)
        assert dash == "—"
        if signer == name and signature[:4].hex() == key_id:
            public = Ed25519PublicKey.from_public_bytes(key[1:])
            public.verify(signature[4:], (text + "\n").encode())
            signed = True
    assert signed, "not signed by the key"
    return text + "\n"


def verify_export(path, verifier_key):
    lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    header = json.loads(lines[0])
    assert header["hvelv_audit_export"] == 1 and header["verifier_key"] == verifier_key
    origin, size, signed_root = open_note(header["checkpoint"], verifier_key).splitlines()[:3]
    assert origin == header["origin"] == verifier_key.split("+")[0]
    hashes = []
    for index, line in enumerate(lines[1:]):
        entry = json.loads(line)
        assert entry["i"] == index, f"entry {index} is missing or out of order"
        if "body" in entry:
            leaf = b"\0" + bytes.fromhex(entry["salt"]) + entry["body"].encode()
            assert sha256(leaf).hex() == entry["hash"], f"entry {index} was changed"
        hashes.append(bytes.fromhex(entry["hash"]))
    assert len(hashes) == int(size), "entries are missing or too many"
    assert root(hashes) == base64.b64decode(signed_root), "the signed root is another"
    return int(size)


def cosignature(secret, note, seconds):
    """The line that a witness adds to a note, and its verifier key."""
    name, _, key = secret.removeprefix("PRIVATE+KEY+").split("+", 2)
    key = base64.b64decode(key, validate=True)
    assert key[0] == 4 and len(key) == 33, "not the key of a witness"
    secret = Ed25519PrivateKey.from_private_bytes(key[1:])
    public = b"\4" + secret.public_key().public_bytes_raw()
    key_id = sha256(name.encode() + b"\n" + public)[:4]
    text = note[: note.rindex("\n\n") + 1]
    signature = secret.sign(f"cosignature/v1\ntime {seconds}\n{text}".encode())
    line = base64.b64encode(key_id + seconds.to_bytes(8, "big") + signature).decode()
    verifier = f"{name}+{key_id.hex()}+{base64.b64encode(public).decode()}"
    return f"— {name} {line}\n", verifier


def verify_receipt(path, verifier_key):
    """The number of the entry that a receipt proves."""
    head, note = path.read_text(encoding="utf-8").split("\n\n", 1)
    first, extra, index, *hashes = head.split("\n")
    assert first == "c2sp.org/tlog-proof@v1"
    entry = base64.b64decode(extra.removeprefix("extra "), validate=True)
    index = int(index.removeprefix("index "))
    hashes = [base64.b64decode(item, validate=True) for item in hashes]
    _, size, signed = open_note(note, verifier_key).splitlines()[:3]
    leaf = entry[1:] if entry[0] == 1 else sha256(b"\0" + entry[1:])
    node, last, value = index, int(size) - 1, leaf
    assert node <= last
    for sibling in hashes:
        assert last > 0
        if node & 1 or node == last:
            value = sha256(b"\1" + sibling + value)
            while node & 1 == 0:
                node, last = node >> 1, last >> 1
        else:
            value = sha256(b"\1" + value + sibling)
        node, last = node >> 1, last >> 1
    assert last == 0 and value == base64.b64decode(signed, validate=True)
    return index


def check_vectors():
    tree = json.loads((HERE / "audit-tree.json").read_text(encoding="utf-8"))
    leaves = [sha256(b"\0" + bytes.fromhex(leaf)) for leaf in tree["leaves"]]
    hexes = lambda hashes: [item.hex() for item in hashes]
    for size, expected in enumerate(tree["roots"]):
        assert root(leaves[:size]).hex() == expected
    for case in tree["inclusion"]:
        assert hexes(inclusion(case["index"], leaves[: case["size"]])) == case["path"]
    for case in tree["consistency"]:
        assert hexes(consistency(case["old_size"], leaves[: case["new_size"]])) == case["path"]
    for case in tree["frontier"]:
        size, start, peaks = case["size"], 0, b""
        for bit in reversed(range(64)):
            if size >> bit & 1:
                peaks += root(leaves[start : start + (1 << bit)])
                start += 1 << bit
        assert (b"\1" + size.to_bytes(8, "big") + peaks).hex() == case["encoded"]

    notes = json.loads((HERE / "audit-notes.json").read_text(encoding="utf-8"))
    for case in (notes["go"], notes["checkpoint"]):
        text = open_note(case["note"], case["verifier_key"])
        secret = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(case["seed"]))
        key_id = bytes.fromhex(case["verifier_key"].split("+")[1])
        signature = base64.b64encode(key_id + secret.sign(text.encode())).decode()
        assert case["note"].endswith(f" {signature}\n")
    for note in notes["checkpoints_good"]:
        open_note(note, notes["checkpoint"]["verifier_key"])

    case = json.loads((HERE / "audit-cosignature.json").read_text(encoding="utf-8"))
    made = cosignature(case["secret"], case["note"], case["seconds"])
    assert made == (case["line"], case["witness_key"])

    bodies = (HERE / "audit-entries-v1.jsonl").read_text(encoding="utf-8").splitlines()
    for body in bodies:
        compact = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False)
        assert body == compact and json.loads(body)["v"] == 1
    key = notes["checkpoint"]["verifier_key"]
    assert verify_export(HERE / "audit-export-v1.jsonl", key) == len(bodies)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1].endswith(".tlog-proof"):
        print("entry", verify_receipt(pathlib.Path(sys.argv[1]), sys.argv[2]), "is in the log")
    elif len(sys.argv) == 3:
        print(verify_export(pathlib.Path(sys.argv[1]), sys.argv[2]), "entries verified")
    else:
        check_vectors()
        print("audit vectors agree")
