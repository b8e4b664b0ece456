#include "lib/schema_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA_REF "#/$defs/"

static bool schema_verify(const json_t *defs, const json_t *node,
                          unsigned depth);
static bool schema_verify_arg(const json_t *defs, schema_arg_t kind,
                              const json_t *arg, unsigned depth);

static const schema_keyword_t schema_keywords[] = {
    {"type", ARG_TYPE, schema_check_type},
    {"properties", ARG_NODES, schema_check_properties},
    {"required", ARG_NAMES, schema_check_required},
    {"additionalProperties", ARG_FALSE, schema_check_closed},
    {"minimum", ARG_NUMBER, schema_check_minimum},
    {"maximum", ARG_NUMBER, schema_check_maximum},
    {"exclusiveMinimum", ARG_NUMBER, schema_check_above},
    {"items", ARG_NODE, schema_check_items},
    {"minItems", ARG_COUNT, schema_check_min_items},
    {"maxItems", ARG_COUNT, schema_check_max_items},
    {"minLength", ARG_COUNT, schema_check_min_length},
    {"maxLength", ARG_COUNT, schema_check_max_length},
    {"pattern", ARG_PATTERN, schema_check_pattern},
    {"enum", ARG_LIST, schema_check_enum},
    {"const", ARG_ANY, schema_check_const},
    {"oneOf", ARG_CHOICES, schema_check_one_of},
    {"$ref", ARG_REF, schema_check_ref},
    {"$defs", ARG_NODES, NULL},
    {"$schema", ARG_NOTE, NULL},
    {"$id", ARG_NOTE, NULL},
    {"$comment", ARG_NOTE, NULL},
    {"title", ARG_NOTE, NULL},
    {"description", ARG_NOTE, NULL},
    {"default", ARG_NOTE, NULL},
    {"examples", ARG_NOTE, NULL},
};

/* The contracts lie between these labels, byte for byte. */
__asm__(".pushsection .rodata\n"
        "schema_text_settings: .incbin \"api/settings.schema.json\"\n"
        "schema_text_messages: .incbin \"api/messages.schema.json\"\n"
        "schema_text_end: .byte 0\n"
        ".popsection\n");
#define HIDDEN __attribute__((visibility("hidden")))
extern const char schema_text_settings[] HIDDEN;
extern const char schema_text_messages[] HIDDEN;
extern const char schema_text_end[] HIDDEN;


expo_status_t
expo_schema_open(const char *name, expo_schema_t **out)
{
    if (strcmp(name, "settings") == 0) {
        return expo_schema_load(
            schema_text_settings,
            (size_t) (schema_text_messages - schema_text_settings), out);
    }

    if (strcmp(name, "messages") == 0) {
        return expo_schema_load(
            schema_text_messages,
            (size_t) (schema_text_end - schema_text_messages), out);
    }

    return EXPO_NOT_FOUND;
}


expo_status_t
expo_schema_load(const char *text, size_t len, expo_schema_t **out)
{
    expo_schema_t *s;
    expo_status_t st;

    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return EXPO_NO_MEMORY;
    }

    st = EXPO_INVALID;
    s->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (s->root == NULL) {
        goto failed;
    }

    st = EXPO_UNSUPPORTED;
    s->defs = json_object_get(s->root, "$defs");
    if (!schema_verify(s->defs, s->root, 0)) {
        goto failed;
    }

    *out = s;
    return EXPO_OK;

failed:

    expo_schema_close(s);
    return st;
}


void
expo_schema_close(expo_schema_t *s)
{
    if (s == NULL) {
        return;
    }

    json_decref(s->root);
    free(s);
}


const json_t *
expo_schema_json(const expo_schema_t *s)
{
    return s->root;
}


/* --- loading: every keyword is known and every argument has its form --- */

static bool
schema_verify(const json_t *defs, const json_t *node, unsigned depth)
{
    const char *name;
    json_t *arg;

    if (!json_is_object(node) || depth > SCHEMA_DEPTH) {
        return false;
    }

    json_object_foreach((json_t *) node, name, arg)
    {
        const schema_keyword_t *k = schema_keyword(name);

        if (k == NULL || !schema_verify_arg(defs, k->arg, arg, depth + 1)) {
            return false;
        }
    }

    return true;
}


static bool
schema_verify_arg(const json_t *defs, schema_arg_t kind, const json_t *arg,
                  unsigned depth)
{
    static const char *const types[] = {"object", "array",   "string",
                                        "number", "integer", "boolean"};
    schema_pattern_t pattern;
    const char *name;
    json_t *one;
    size_t i;

    switch (kind) {

    case ARG_NOTE:
    case ARG_ANY:
        return true;

    case ARG_TYPE:
        for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
            if (json_is_string(arg) &&
                strcmp(json_string_value(arg), types[i]) == 0) {
                return true;
            }
        }
        return false;

    case ARG_NODE:
        return schema_verify(defs, arg, depth);

    case ARG_NODES:
        json_object_foreach((json_t *) arg, name, one)
        {
            if (!schema_verify(defs, one, depth)) {
                return false;
            }
        }
        return json_is_object(arg);

    case ARG_CHOICES:
        json_array_foreach(arg, i, one)
        {
            if (!schema_verify(defs, one, depth)) {
                return false;
            }
        }
        return schema_discriminator(arg) != NULL;

    case ARG_NUMBER:
        return json_is_number(arg);

    case ARG_COUNT:
        return json_is_integer(arg) && json_integer_value(arg) >= 0;

    case ARG_NAMES:
        json_array_foreach(arg, i, one)
        {
            if (!json_is_string(one)) {
                return false;
            }
        }
        return json_is_array(arg);

    case ARG_LIST:
        return json_array_size(arg) > 0;

    case ARG_FALSE:
        return json_is_false(arg);

    case ARG_PATTERN:
        return json_is_string(arg) &&
               schema_pattern_read(&pattern, json_string_value(arg));

    case ARG_REF:
        return schema_resolve(defs, arg) != NULL;
    }

    return false;
}


/* The member that has another const in every choice; NULL: there is none. */
const char *
schema_discriminator(const json_t *choices)
{
    const char *member;
    const json_t *ours, *theirs;
    json_t *unused;
    size_t i, j, n = json_array_size(choices);

    json_object_foreach(
        json_object_get(json_array_get(choices, 0), "properties"), member,
        unused)
    {
        (void) unused;

        for (i = 0; i < n; i++) {
            ours = schema_const(json_array_get(choices, i), member);

            for (j = 0; ours != NULL && j < i; j++) {
                theirs = schema_const(json_array_get(choices, j), member);
                if (json_equal(ours, theirs)) {
                    ours = NULL;
                }
            }

            if (ours == NULL) {
                break;
            }
        }

        if (i == n) {
            return member;
        }
    }

    return NULL;
}


const json_t *
schema_const(const json_t *node, const char *member)
{
    const json_t *properties = json_object_get(node, "properties");

    return json_object_get(json_object_get(properties, member), "const");
}


const json_t *
schema_resolve(const json_t *defs, const json_t *ref)
{
    const char *text = json_string_value(ref);
    size_t prefix = sizeof(SCHEMA_REF) - 1;

    if (text == NULL || strncmp(text, SCHEMA_REF, prefix) != 0) {
        return NULL;
    }

    return json_object_get(defs, text + prefix);
}


/* ^[class]{m,n}$ with ASCII characters and ranges, nothing negated. */
bool
schema_pattern_read(schema_pattern_t *p, const char *text)
{
    const unsigned char *c = (const unsigned char *) text;
    int end = 0;

    memset(p, 0, sizeof(*p));

    if (strncmp(text, "^[", 2) != 0 || c[2] == '^') {
        return false;
    }

    for (c += 2; *c != ']'; c++) {
        unsigned last = *c;

        if (c[1] == '-' && c[2] != ']') {
            last = c[2];
        }

        if (*c == '\0' || *c == '\\' || *c > last || last > 127) {
            return false;
        }

        memset(p->allowed + *c, 1, last - *c + 1);
        c += c[1] == '-' && c[2] != ']' ? 2 : 0;
    }

    return sscanf((const char *) c, "]{%zu,%zu}$%n", &p->min, &p->max, &end) ==
               2 &&
           end > 0 && c[end] == '\0';
}


const schema_keyword_t *
schema_keyword(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(schema_keywords) / sizeof(schema_keywords[0]); i++) {
        if (strcmp(schema_keywords[i].name, name) == 0) {
            return &schema_keywords[i];
        }
    }

    return NULL;
}
