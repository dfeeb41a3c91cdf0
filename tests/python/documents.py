"""Holds documents against the definitions of a JSON Schema.

    documents.py SCHEMA

Each line of standard input is `[definition, document]`; for each, a line: `ok`, or what is wrong.
"""

import json
import sys

import jsonschema

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
for line in sys.stdin:
    name, document = json.loads(line)
    assert name in schema["$defs"], f"no definition {name}"
    held = jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]})
    wrong = [f"{error.json_path}: {error.message[:200]}" for error in held.iter_errors(document)]
    print("; ".join(wrong) or "ok")
