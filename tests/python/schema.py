"""Holds files of TOML or JSON against a JSON Schema: one line a mistake, and the exit code 1 where there is one.

    schema.py SCHEMA FILE...
"""

import datetime
import json
import sys

import jsonschema
# Inline tables of several lines are TOML 1.1, which the standard library does not read.
import tomli


def plain(value):
    """TOML's times as what JSON has."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime.time) else value


with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
# Of the draft that it names.
draft = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
draft.check_schema(schema)
validator = draft(schema)
wrong = False
for name in sys.argv[2:]:
    with open(name, "rb") as file:
        document = json.load(file) if name.endswith(".json") else plain(tomli.load(file))
    for error in validator.iter_errors(document):
        wrong = True
        print(f"{name}: {error.json_path}: {error.message[:200]}")
sys.exit(1 if wrong else 0)
