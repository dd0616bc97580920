"""Reads a backup as zigpy does, and writes what zigpy makes of it.

    backup.py FILE

zigpy is under the GPL: it runs here, in a process of its own, and no part of it is in the gateway.
"""

import json
import sys

from zigpy.backups import NetworkBackup

backup = NetworkBackup.from_dict(json.load(open(sys.argv[1], encoding="utf-8")))
document = backup.as_open_coordinator_json()
print(json.dumps({"is_complete": backup.is_complete(), "document": document}))
