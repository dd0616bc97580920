"""Holds a backup against the schema of its form, reads it as zigpy does, and writes what zigpy makes of it.

    backup.py FILE

zigpy is under the GPL: it runs here, in a process of its own, and no part of it is in the gateway.
"""

import json
import pathlib
import sys

import jsonschema
from zigpy.backups import NetworkBackup

schema = json.loads((pathlib.Path(__file__).parent / "open-coordinator-backup.schema.json").read_text("utf-8"))
ours = json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
faults = [f"{fault.json_path}: {fault.message}" for fault in jsonschema.Draft7Validator(schema).iter_errors(ours)]
backup = NetworkBackup.from_dict(ours)
document = backup.as_open_coordinator_json()
print(json.dumps({"faults": faults, "is_complete": backup.is_complete(), "document": document}))
