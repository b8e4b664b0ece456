/*
 * The written contracts (the .schema.json files of api/) as a checker. The files are linked
 * into the program byte for byte, so ranges and defaults are written once.
 *
 * Keywords understood: type, properties, required, additionalProperties: false,
 * minimum, maximum, exclusiveMinimum, items, minItems, maxItems, minLength,
 * maxLength, pattern (only ^[class]{m,n}$), enum, const, oneOf by a `const`
 * discriminator, $ref to #/$defs. A schema using any other keyword that
 * constrains is refused when it is loaded, so that nothing is silently unchecked.
 * Source: JSON Schema 2020-12.
 */

#ifndef EXPO_SCHEMA_H
#define EXPO_SCHEMA_H

#include <stddef.h>

#include <jansson.h>

#include "lib/status.h"

typedef struct expo_schema_s expo_schema_t;

/* The two built-in contracts: "settings" and "messages". */
expo_status_t expo_schema_open(const char *name, expo_schema_t **out);
/* Any schema text, for tests. */
expo_status_t expo_schema_load(const char *text, size_t len,
                               expo_schema_t **out);
void expo_schema_close(expo_schema_t *s);

/*
 * def: "" for the whole schema or a name under $defs.
 * On EXPO_INVALID, error holds one sentence that names the place:
 * "camera.fov_deg must be at most 150".
 */
expo_status_t expo_schema_check(const expo_schema_t *s, const char *def,
                                const json_t *value, char *error,
                                size_t error_bytes);

/* The raw schema JSON (borrowed): defaults and ranges are read from it. */
const json_t *expo_schema_json(const expo_schema_t *s);

#endif
