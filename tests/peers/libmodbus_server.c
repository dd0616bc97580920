/* One RTU unit for the tests, on libmodbus: a second opinion beside pymodbus.
 *
 *     libmodbus_server PATH
 *
 * Unit 1 at 19200 baud. Holding register n holds 0x4000 + n; the registers can be written. Says "ready" and serves until
 * it is killed.
 */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>

#define REGISTERS 2000

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    modbus_t *line = modbus_new_rtu(argv[1], 19200, 'N', 8, 2);
    modbus_mapping_t *map = modbus_mapping_new(0, 0, REGISTERS, 0);
    if (line == NULL || map == NULL || modbus_set_slave(line, 1) == -1 || modbus_connect(line) == -1) {
        fprintf(stderr, "cannot serve on %s: %s\n", argv[1], modbus_strerror(errno));
        return 1;
    }
    for (int n = 0; n < REGISTERS; n++) map->tab_registers[n] = 0x4000 + n;
    puts("ready");
    fflush(stdout);
    for (;;) {
        uint8_t request[MODBUS_RTU_MAX_ADU_LENGTH];
        int length = modbus_receive(line, request);
        if (length > 0) modbus_reply(line, request, length, map);
    }
}
