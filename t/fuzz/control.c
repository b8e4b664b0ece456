/* A datagram reads back as it was, and no contract crashes on what it says. */

#include "lib/control.c"
#include "lib/schema.c"
#include "lib/schema_check.c"

#include <stdlib.h>


static void
judge(const json_t *message)
{
    static expo_schema_t *schema;
    const char *def;
    char error[300];
    json_t *node;

    if (schema == NULL && expo_schema_open("messages", &schema) != EXPO_OK) {
        abort();
    }

    json_object_foreach(json_object_get(expo_schema_json(schema), "$defs"), def,
                        node)
    {
        (void) node;

        if (expo_schema_check(schema, def, message, error, sizeof(error)) !=
                EXPO_OK &&
            error[0] == '\0') {
            abort();
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t again[EXPO_CONTROL_BYTES];
    expo_control_t c, d;
    size_t bytes;

    if (expo_control_read(&c, data, len) != EXPO_OK) {
        return 0;
    }

    judge(c.json);

    if (expo_control_write(again, sizeof(again), &bytes, c.json, c.secret,
                           c.secret_bytes) == EXPO_OK) {
        if (expo_control_read(&d, again, bytes) != EXPO_OK ||
            d.secret_bytes != c.secret_bytes ||
            (c.secret && memcmp(c.secret, d.secret, c.secret_bytes) != 0)) {
            abort();
        }
        expo_control_release(&d);
    }

    expo_control_release(&c);
    return 0;
}
