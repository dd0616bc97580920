"""A pymodbus client, for what the gateway itself serves.

    modbus_client.py PORT SOURCE OPERATION...

connects to 127.0.0.1:PORT from the address SOURCE and carries out `read TABLE START COUNT`, `write START VALUE...`,
`objects CATEGORY FIRST` (function 43/14) and `server-id` (function 17), each given as one argument. It prints one JSON
document: a list with what was read, `null` for a write that was done, `{"exception": CODE}` for a refusal, or `"closed"`
when the server hung up.
"""

import json
import sys

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

UNIT = 1


def main() -> None:
    port, source, operations = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    client = ModbusTcpClient("127.0.0.1", port=port, source_address=(source, 0), timeout=5, retries=0)
    client.connect()
    print(json.dumps([attempt(client, operation.split()) for operation in operations]))


def attempt(client: ModbusTcpClient, operation: list[str]):
    """One operation and how it went."""
    try:
        answer = carry_out(client, operation)
    except (ModbusException, OSError):
        return "closed"
    if answer.isError():
        return {"exception": answer.exception_code}
    if operation[0] == "write":
        return None
    if operation[0] == "objects":
        return {number: value.decode() for number, value in answer.information.items()}
    if operation[0] == "server-id":
        return answer.identifier.hex()
    is_bits = operation[1] in ("coil", "discrete")
    return answer.bits[: int(operation[3])] if is_bits else answer.registers


def carry_out(client: ModbusTcpClient, operation: list[str]):
    """Sends one request."""
    if operation[0] == "write":
        start, *values = map(int, operation[1:])
        if len(values) == 1:
            return client.write_register(start, values[0], device_id=UNIT)
        return client.write_registers(start, values, device_id=UNIT)
    if operation[0] == "objects":
        category, first = map(int, operation[1:])
        return client.read_device_information(read_code=category, object_id=first, device_id=UNIT)
    if operation[0] == "server-id":
        return client.report_device_id(device_id=UNIT)
    read = {
        "coil": client.read_coils,
        "discrete": client.read_discrete_inputs,
        "input": client.read_input_registers,
        "holding": client.read_holding_registers,
    }[operation[1]]
    return read(int(operation[2]), count=int(operation[3]), device_id=UNIT)


main()
