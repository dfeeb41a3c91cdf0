"""The signature formats of docs/signing.md, written a second time, over Python's `cryptography`.

    signing.py make                          writes the vectors into the folder of this file
    signing.py verify MODULE [PUBLIC_KEY]    verifies MODULE.sig and prints, as JSON, what it says
    signing.py rotation FILE                 verifies a rotation
    signing.py key PRIVATE [PASSPHRASE]      prints the public half of a private key's file
    signing.py sign MODULE PRIVATE NAME      signs MODULE with an unencrypted key

Nothing of it is shared with the Rust code: it was written from the documentation. To make the vectors anew:

    python3 -m venv venv && venv/bin/pip install -r tests/python/requirements.txt
    venv/bin/python crates/plugbay-signing/tests/vectors/signing.py make
"""

import base64
import hashlib
import json
import pathlib
import struct
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FOLDER = pathlib.Path(__file__).parent
# The order of the group, and the neutral element, of RFC 8032.
ORDER = 2**252 + 27742317777372353535851937790883648493
NEUTRAL = bytes([1] + [0] * 31)


def text(value):
    data = value.encode()
    return struct.pack(">I", len(data)) + data


def optional(value):
    return b"\0" if value is None else b"\1" + text(value)


def module_statement(sig):
    """What version 2 signs, from the fields of its file."""
    plugin = sig["plugin"]
    return b"".join(
        [
            b"plugbay.plugin-signature.v2\0",
            bytes.fromhex(sig["public_key"]),
            bytes.fromhex(sig["plugin_hash"]),
            struct.pack(">Q", sig["plugin_size"]),
            text(plugin["name"]),
            optional(plugin["version"]),
            optional(plugin["abi"]),
            struct.pack(">I", len(plugin["capabilities"])),
            *map(text, plugin["capabilities"]),
            text(sig["developer"]["name"]),
            text(sig["developer"]["email"]),
            text(sig["signed_at"]),
            optional(sig["expires_at"]),
        ]
    )


def rotation_statement(rotation):
    return b"".join(
        [
            b"plugbay.key-rotation.v1\0",
            bytes.fromhex(rotation["old_key"]),
            bytes.fromhex(rotation["new_key"]),
            text(rotation["signed_at"]),
        ]
    )


def public_bytes(key):
    return key.public_key().public_bytes_raw()


def message(sig):
    return bytes.fromhex(sig["plugin_hash"]) if sig["version"] == 1 else module_statement(sig)


def signed(sig, key):
    """The file with the signature that belongs to it."""
    sig = dict(sig, public_key=public_bytes(key).hex())
    sig["signature"] = key.sign(message(sig)).hex()
    return sig


def v1(module, key, **changes):
    sig = {
        "version": 1,
        "algorithm": "Ed25519",
        "plugin_hash": hashlib.sha256(module).hexdigest(),
        "plugin_size": len(module),
        "signed_at": "2025-11-19T08:59:12.123456789+00:00",
        "developer": {"name": "Grace", "email": "grace@example.org"},
    }
    return signed(dict(sig, **changes), key)


def v2(module, key, **changes):
    sig = {
        "version": 2,
        "algorithm": "Ed25519",
        "plugin_hash": hashlib.sha256(module).hexdigest(),
        "plugin_size": len(module),
        "plugin": {
            "name": "pads",
            "version": "1.2.3",
            "abi": "action",
            "capabilities": ["Midi", "Network"],
        },
        "developer": {"name": "Grace", "email": "grace@example.org"},
        "signed_at": "2026-11-22T10:00:00Z",
        "expires_at": None,
    }
    return signed(dict(sig, **changes), key)


def rotated(old, new, **changes):
    rotation = {
        "version": 1,
        "algorithm": "Ed25519",
        "old_key": public_bytes(old).hex(),
        "new_key": public_bytes(new).hex(),
        "signed_at": "2026-11-22T10:00:00Z",
    }
    rotation["signature"] = old.sign(rotation_statement(rotation)).hex()
    return dict(rotation, **changes)


def deep(sig, path, value):
    """The same file with one field changed, and the signature left as it was."""
    sig = json.loads(json.dumps(sig))
    *folders, last = path.split(".")
    inner = sig
    for folder in folders:
        inner = inner[folder]
    inner[last] = value
    return sig


def flipped(data, byte):
    return data[:byte] + bytes([data[byte] ^ 1]) + data[byte + 1 :]


def malleable(sig):
    """The same signature with S increased by the group's order: the equation holds for it as well."""
    raw = bytes.fromhex(sig["signature"])
    scalar = int.from_bytes(raw[32:], "little") + ORDER
    return dict(sig, signature=(raw[:32] + scalar.to_bytes(32, "little")).hex())


def small_order_key(sig):
    """With the neutral element as key and as R, and 0 as S, the equation holds for any message."""
    return dict(sig, public_key=NEUTRAL.hex(), signature=(NEUTRAL + bytes(32)).hex())


def small_order_r(sig, seed):
    """With the neutral element as R, who has the key can give one signature for many keys' eyes."""
    half = bytearray(hashlib.sha512(seed).digest()[:32])
    half[0] &= 248
    half[31] = half[31] & 127 | 64
    public = public_bytes(Ed25519PrivateKey.from_private_bytes(seed))
    hashed = hashlib.sha512(NEUTRAL + public + message(sig)).digest()
    scalar = int.from_bytes(hashed, "little") * int.from_bytes(half, "little") % ORDER
    return dict(sig, signature=(NEUTRAL + scalar.to_bytes(32, "little")).hex())


def in_base64(sig, *fields):
    return dict(sig, **{name: base64.b64encode(bytes.fromhex(sig[name])).decode() for name in fields})


def make():
    seed, other_seed = bytes(range(32)), bytes(range(100, 132))
    key = Ed25519PrivateKey.from_private_bytes(seed)
    other = Ed25519PrivateKey.from_private_bytes(other_seed)
    module = b"\0asm\1\0\0\0" + b"\0\x0f\x06vector" + bytes(range(8))
    longer = module + b"\0"
    changed = flipped(module, len(module) - 1)
    old, new = v1(module, key), v2(module, key)
    b64 = in_base64(old, "public_key", "signature")
    unicode = {
        "plugin": {"name": "Ünïcode 音", "version": None, "abi": None, "capabilities": []},
        "developer": {"name": "Ada Ωmega", "email": ""},
    }
    cases = [
        # name, module, file, outcome
        ("v1", module, old, "valid"),
        ("v1_base64", module, b64, "valid"),
        ("v1_other_developer", module, deep(old, "developer.name", "Mallory"), "valid"),
        ("v1_unknown_field", module, dict(old, comment="not covered"), "valid"),
        ("v2", module, new, "valid"),
        ("v2_unicode", module, v2(module, key, **unicode), "valid"),
        ("v2_base64", module, in_base64(new, "public_key", "signature"), "valid"),
        ("v2_expires", module, v2(module, key, expires_at="2026-11-23T10:00:00Z"), "valid"),
        # As a signature it fits; its time is over.
        ("v2_expired", module, v2(module, key, signed_at="2026-01-01T10:00:00Z", expires_at="2026-01-02T10:00:00Z"), "valid"),
        ("v1_flipped_module", changed, old, "hash"),
        ("v2_flipped_module", changed, new, "hash"),
        ("v1_longer_module", longer, old, "size"),
        ("v1_wrong_size", module, deep(old, "plugin_size", len(module) + 1), "size"),
        ("v2_wrong_size", module, deep(new, "plugin_size", len(module) + 1), "size"),
        ("v2_hash_and_module_exchanged", changed, deep(new, "plugin_hash", hashlib.sha256(changed).hexdigest()), "signature"),
        ("v1_flipped_signature", module, dict(old, signature=flipped(bytes.fromhex(old["signature"]), 5).hex()), "signature"),
        ("v2_flipped_signature", module, dict(new, signature=flipped(bytes.fromhex(new["signature"]), 40).hex()), "signature"),
        ("v1_other_key", module, dict(old, public_key=public_bytes(other).hex()), "signature"),
        ("v2_other_key", module, dict(new, public_key=public_bytes(other).hex()), "signature"),
        ("v2_other_developer", module, deep(new, "developer.name", "Mallory"), "signature"),
        ("v2_other_email", module, deep(new, "developer.email", "mallory@example.org"), "signature"),
        ("v2_other_name", module, deep(new, "plugin.name", "pad"), "signature"),
        ("v2_other_version", module, deep(new, "plugin.version", "1.2.4"), "signature"),
        ("v2_without_version", module, deep(new, "plugin.version", None), "signature"),
        ("v2_other_abi", module, deep(new, "plugin.abi", "hook"), "signature"),
        ("v2_other_capabilities", module, deep(new, "plugin.capabilities", ["Midi"]), "signature"),
        ("v2_other_signed_at", module, deep(new, "signed_at", "2026-11-22T10:00:01Z"), "signature"),
        ("v2_other_expires_at", module, deep(new, "expires_at", "2036-11-22T10:00:00Z"), "signature"),
        ("v2_as_v1", module, dict(old, signature=new["signature"]), "signature"),
        ("v1_as_v2", module, dict(new, signature=old["signature"]), "signature"),
        ("v1_malleable", module, malleable(old), "signature"),
        ("v2_malleable", module, malleable(new), "signature"),
        ("v1_small_order_key", module, small_order_key(old), "form"),
        ("v2_small_order_key", module, small_order_key(new), "form"),
        ("v1_small_order_r", module, small_order_r(old, seed), "signature"),
        ("v1_truncated_base64", module, dict(b64, signature=b64["signature"][:-4]), "form"),
        ("v1_unpadded_base64", module, dict(b64, public_key=b64["public_key"].rstrip("=")), "form"),
        ("v2_truncated_hex", module, dict(new, signature=new["signature"][:-1]), "form"),
        ("v2_no_hex", module, dict(new, plugin_hash="g" * 64), "form"),
        ("v2_other_algorithm", module, dict(new, algorithm="Ed448"), "form"),
        ("v2_unknown_field", module, dict(new, comment="not covered"), "form"),
        ("v2_unknown_inner_field", module, deep(new, "developer.phone", "1"), "form"),
        ("v2_unsorted", module, v2(module, key, plugin=dict(new["plugin"], capabilities=["Network", "Midi"])), "form"),
        ("v2_other_time_form", module, v2(module, key, signed_at="2026-11-22T10:00:00+00:00"), "form"),
        ("v2_no_semver", module, v2(module, key, plugin=dict(new["plugin"], version="1.2")), "form"),
        ("v2_control_character", module, v2(module, key, developer={"name": "A\x1b[2J", "email": ""}), "form"),
        ("v2_expired_when_signed", module, v2(module, key, expires_at="2026-11-22T10:00:00Z"), "form"),
        ("v3", module, dict(new, version=3), "form"),
        ("no_json", module, "plugin_hash = 1", "form"),
        ("empty", module, "", "form"),
        ("twice", module, json.dumps(new)[:-1] + ', "plugin_size": 1}', "form"),
    ]
    listed = []
    modules = {module: "module.wasm", longer: "longer.wasm", changed: "changed.wasm"}
    for data, name in modules.items():
        write(name, data)
    for name, data, sig, outcome in cases:
        content = sig if isinstance(sig, str) else json.dumps(sig, indent=2) + "\n"
        write(f"{name}.sig", content.encode())
        listed.append({"name": name, "module": modules[data], "outcome": outcome})
    turned = rotated(key, other)
    rotations = [
        ("good", turned, True),
        ("other_new_key", dict(turned, new_key=public_bytes(Ed25519PrivateKey.from_private_bytes(bytes(32))).hex()), False),
        ("by_the_new_key", dict(turned, signature=other.sign(rotation_statement(turned)).hex()), False),
        ("other_time", dict(turned, signed_at="2026-11-22T10:00:01Z"), False),
        ("same_key", rotated(key, key), False),
    ]
    for name, rotation, _ in rotations:
        write(f"{name}.rotation", (json.dumps(rotation, indent=2) + "\n").encode())
    write("cases.json", (json.dumps({
        "public_key": public_bytes(key).hex(),
        "other_public_key": public_bytes(other).hex(),
        "passphrase": "correct horse",
        "signatures": listed,
        "rotations": [{"name": name, "good": good} for name, _, good in rotations],
    }, indent=1) + "\n").encode())
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    write("plain.private", key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    write("encrypted.private", key.private_bytes(pem, pkcs8, serialization.BestAvailableEncryption(b"correct horse")))
    write("raw.private", seed)
    write("pem.public", key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
    write("hex.public", public_bytes(key).hex().encode() + b"\n")
    write("base64.public", base64.b64encode(public_bytes(key)) + b"\n")


def write(name, content):
    (FOLDER / name).write_bytes(content)


def verify(path, wanted_key=None):
    module = pathlib.Path(path).read_bytes()
    sig = json.loads(pathlib.Path(path + ".sig").read_text())
    assert sig["algorithm"] == "Ed25519" and sig["version"] in (1, 2), sig
    assert sig["plugin_hash"] == hashlib.sha256(module).hexdigest(), "another module"
    assert sig["plugin_size"] == len(module), "another size"
    assert wanted_key in (None, sig["public_key"]), "another key"
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(sig["public_key"]))
    key.verify(bytes.fromhex(sig["signature"]), message(sig))
    print(json.dumps(sig))


def rotation(path):
    turned = json.loads(pathlib.Path(path).read_text())
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(turned["old_key"]))
    key.verify(bytes.fromhex(turned["signature"]), rotation_statement(turned))
    print(json.dumps(turned))


def load(path, passphrase=None):
    data = pathlib.Path(path).read_bytes()
    return serialization.load_pem_private_key(data, passphrase.encode() if passphrase else None)


def sign(path, private, name):
    module = pathlib.Path(path).read_bytes()
    plugin = {"name": name, "version": "2.0.0", "abi": None, "capabilities": []}
    sig = v2(module, load(private), plugin=plugin)
    pathlib.Path(path + ".sig").write_text(json.dumps(sig))


if __name__ == "__main__":
    command, *arguments = sys.argv[1:] or ["help"]
    if command == "key":
        print(public_bytes(load(*arguments)).hex())
    elif command in ("make", "verify", "rotation", "sign"):
        globals()[command](*arguments)
    else:
        sys.exit(__doc__)
