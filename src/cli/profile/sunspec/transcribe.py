#!/usr/bin/env python3
"""Transcribes what Tidegate reads of the SunSpec models into models.txt.

    transcribe.py FOLDER > models.txt

FOLDER holds model_103.json and so on: json/ of https://github.com/sunspec/models, or sunspec2/models/json of the Python
package pysunspec2. Both are under the Apache License 2.0.
"""

import json
import pathlib
import sys

MODELS = [101, 102, 103, 111, 112, 113, 201, 202, 203, 204, 211, 212, 213, 214, 124, 802]

# Names and units of ours by those of SunSpec. What is not here is not read; a unit that does not fit is an error.
NAMES = {
    "A": ("current", "A"), "AphA": ("current_l1", "A"), "AphB": ("current_l2", "A"), "AphC": ("current_l3", "A"),
    "PhV": ("voltage", "V"),
    "PhVphA": ("voltage_l1", "V"), "PhVphB": ("voltage_l2", "V"), "PhVphC": ("voltage_l3", "V"),
    "PPVphAB": ("voltage_l1_l2", "V"), "PPVphBC": ("voltage_l2_l3", "V"), "PPVphCA": ("voltage_l3_l1", "V"),
    "PhVphAB": ("voltage_l1_l2", "V"), "PhVphBC": ("voltage_l2_l3", "V"), "PhVphCA": ("voltage_l3_l1", "V"),
    "W": ("power", "W"), "WphA": ("power_l1", "W"), "WphB": ("power_l2", "W"), "WphC": ("power_l3", "W"),
    "Hz": ("frequency", "Hz"),
    "VA": ("apparent_power", "VA"), "VAr": ("reactive_power", "var"), "VAR": ("reactive_power", "var"),
    "WH": ("energy", "Wh"), "TotWhImp": ("energy", "Wh"), "TotWhExp": ("energy_export", "Wh"),
    "DCA": ("current_dc", "A"), "DCV": ("voltage_dc", "V"), "DCW": ("power_dc", "W"),
    "TmpCab": ("temperature", "C"), "St": ("state", None),
    "SoC": ("battery", "%WHRtg"), "SoH": ("battery_health", "%"), "V": ("voltage", "V"), "NCyc": ("cycles", None),
    "ChaSt": ("charge_state", None), "State": ("state", None),
    "ChaState": ("battery", "% AhrRtg"), "InBatV": ("voltage", "V"),
}


def rows(model):
    """One line per point that is read: offset, name, type, unit, offset of its power of ten, and its need."""
    offset, offsets = 0, {}
    points = model["group"]["points"]
    for point in points:
        offsets[point["name"]] = offset
        offset += point["size"]
    for point in points:
        if point["name"] not in NAMES:
            continue
        name, unit = NAMES[point["name"]]
        if point.get("units") != unit:
            sys.exit(f"model {model['id']}: {point['name']} has the unit {point.get('units')}, not {unit}")
        power = point.get("sf")
        need = "needed" if point.get("mandatory") == "M" else "optional"
        unit = unit.split()[0] if unit else "-"
        yield [offsets[point["name"]], name, point["type"], unit, offsets[power] if power else "-", need]


def main(folder):
    """Writes the table."""
    print("# Transcribed by transcribe.py from the SunSpec information models, https://github.com/sunspec/models,")
    print("# Copyright SunSpec Alliance, Apache License 2.0. Offsets count from the register of the model's id.")
    for number in MODELS:
        model = json.loads((pathlib.Path(folder) / f"model_{number}.json").read_text())
        print(f"model {number} {model['group'].get('label', model['group']['name'])}")
        for row in rows(model):
            print("  " + " ".join(map(str, row)))


main(sys.argv[1])
