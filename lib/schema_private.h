/*
 * Between schema.c, which loads a schema and judges the schema, and
 * schema_check.c, which judges values by it.
 */

#ifndef EXPO_SCHEMA_PRIVATE_H
#define EXPO_SCHEMA_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/schema.h"

#define SCHEMA_DEPTH 32 /* of the schema, and of $ref within $ref */

struct expo_schema_s {
    json_t *root;
    const json_t *defs; /* borrowed, may be NULL */
};

/* What the argument of a keyword has to be. */
typedef enum {
    ARG_NOTE, /* says nothing about values: ignored */
    ARG_TYPE,
    ARG_NODE,
    ARG_NODES,   /* object of nodes */
    ARG_CHOICES, /* list of nodes told apart by a const */
    ARG_NUMBER,
    ARG_COUNT,
    ARG_NAMES,
    ARG_LIST,
    ARG_ANY,
    ARG_FALSE,
    ARG_PATTERN,
    ARG_REF
} schema_arg_t;

/* Where a value lies, from the inside out. */
typedef struct schema_place_s {
    const struct schema_place_s *up;
    const char *member; /* NULL: an array's element */
    size_t index;
} schema_place_t;

typedef struct {
    const json_t *defs;
    char *error;
    size_t error_bytes;
    unsigned refs; /* followed without going deeper into the value */
} schema_run_t;

typedef expo_status_t (*schema_check_t)(schema_run_t *run,
                                        const schema_place_t *at,
                                        const json_t *node, const json_t *arg,
                                        const json_t *value);

typedef struct {
    const char *name;
    schema_arg_t arg;
    schema_check_t check; /* NULL: another keyword's check looks at it */
} schema_keyword_t;

typedef struct {
    uint8_t allowed[128];
    size_t min, max;
} schema_pattern_t;

/* What loading finds in a schema, checking finds again. */
const char *schema_discriminator(const json_t *choices);
const json_t *schema_const(const json_t *node, const char *member);
const json_t *schema_resolve(const json_t *defs, const json_t *ref);
bool schema_pattern_read(schema_pattern_t *p, const char *text);
const schema_keyword_t *schema_keyword(const char *name);

#define CHECKER(name)                                                          \
    expo_status_t name(schema_run_t *run, const schema_place_t *at,            \
                       const json_t *node, const json_t *arg,                  \
                       const json_t *value)

CHECKER(schema_check_type);
CHECKER(schema_check_properties);
CHECKER(schema_check_required);
CHECKER(schema_check_closed);
CHECKER(schema_check_minimum);
CHECKER(schema_check_maximum);
CHECKER(schema_check_above);
CHECKER(schema_check_items);
CHECKER(schema_check_min_items);
CHECKER(schema_check_max_items);
CHECKER(schema_check_min_length);
CHECKER(schema_check_max_length);
CHECKER(schema_check_pattern);
CHECKER(schema_check_enum);
CHECKER(schema_check_const);
CHECKER(schema_check_one_of);
CHECKER(schema_check_ref);

#endif
