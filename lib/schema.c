#include "lib/schema.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA_DEPTH 32 /* of the schema, and of $ref within $ref */
#define SCHEMA_REF "#/$defs/"

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

static bool schema_verify(const json_t *defs, const json_t *node,
                          unsigned depth);
static bool schema_verify_arg(const json_t *defs, schema_arg_t kind,
                              const json_t *arg, unsigned depth);
static const char *schema_discriminator(const json_t *choices);
static const json_t *schema_const(const json_t *node, const char *member);
static const json_t *schema_resolve(const json_t *defs, const json_t *ref);
static bool schema_pattern_read(schema_pattern_t *p, const char *text);
static const schema_keyword_t *schema_keyword(const char *name);
static bool schema_type_is(const char *type, const json_t *value);
static size_t schema_length(const json_t *string);
static expo_status_t schema_value(schema_run_t *run, const schema_place_t *at,
                                  const json_t *node, const json_t *value);
static expo_status_t schema_fail(schema_run_t *run, const schema_place_t *at,
                                 const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define CHECKER(name)                                                          \
    static expo_status_t name(schema_run_t *run, const schema_place_t *at,     \
                              const json_t *node, const json_t *arg,           \
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


expo_status_t
expo_schema_check(const expo_schema_t *s, const char *def, const json_t *value,
                  char *error, size_t error_bytes)
{
    const json_t *node = *def ? json_object_get(s->defs, def) : s->root;
    schema_run_t run = {s->defs, error, error_bytes, 0};

    if (error_bytes > 0) {
        error[0] = '\0';
    }

    if (node == NULL) {
        return schema_fail(&run, NULL, "has no contract of that name");
    }

    return schema_value(&run, NULL, node, value);
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
static const char *
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


static const json_t *
schema_const(const json_t *node, const char *member)
{
    const json_t *properties = json_object_get(node, "properties");

    return json_object_get(json_object_get(properties, member), "const");
}


static const json_t *
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
static bool
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


static const schema_keyword_t *
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


/* --- checking a value --- */

static expo_status_t
schema_value(schema_run_t *run, const schema_place_t *at, const json_t *node,
             const json_t *value)
{
    const json_t *type = json_object_get(node, "type");
    const char *name;
    json_t *arg;
    expo_status_t st;

    /* First, so that a wrong type is not reported as a wrong range. */
    if (type != NULL) {
        st = schema_check_type(run, at, node, type, value);
        if (st != EXPO_OK) {
            return st;
        }
    }

    json_object_foreach((json_t *) node, name, arg)
    {
        const schema_keyword_t *k = schema_keyword(name);

        if (k->check == NULL || arg == type) {
            continue;
        }

        st = k->check(run, at, node, arg, value);
        if (st != EXPO_OK) {
            return st;
        }
    }

    return EXPO_OK;
}


CHECKER(schema_check_type)
{
    const char *type = json_string_value(arg);

    (void) node;

    if (schema_type_is(type, value)) {
        return EXPO_OK;
    }

    return schema_fail(run, at, "must be %s %s",
                       strchr("aio", type[0]) ? "an" : "a", type);
}


static bool
schema_type_is(const char *type, const json_t *value)
{
    switch (json_typeof(value)) {

    case JSON_OBJECT:
        return strcmp(type, "object") == 0;

    case JSON_ARRAY:
        return strcmp(type, "array") == 0;

    case JSON_STRING:
        return strcmp(type, "string") == 0;

    case JSON_INTEGER:
        return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;

    case JSON_REAL:
        return strcmp(type, "number") == 0;

    case JSON_TRUE:
    case JSON_FALSE:
        return strcmp(type, "boolean") == 0;

    case JSON_NULL:
        break;
    }

    return false;
}


CHECKER(schema_check_properties)
{
    const char *member;
    const json_t *child;
    json_t *one;
    expo_status_t st;

    (void) node;

    json_object_foreach((json_t *) value, member, one)
    {
        schema_place_t here = {at, member, 0};

        child = json_object_get(arg, member);
        if (child == NULL) {
            continue;
        }

        run->refs = 0;
        st = schema_value(run, &here, child, one);
        if (st != EXPO_OK) {
            return st;
        }
    }

    return EXPO_OK;
}


CHECKER(schema_check_required)
{
    json_t *name;
    size_t i;

    (void) node;

    if (!json_is_object(value)) {
        return EXPO_OK;
    }

    json_array_foreach(arg, i, name)
    {
        if (json_object_get(value, json_string_value(name)) == NULL) {
            schema_place_t here = {at, json_string_value(name), 0};

            return schema_fail(run, &here, "is missing");
        }
    }

    return EXPO_OK;
}


CHECKER(schema_check_closed)
{
    const json_t *known = json_object_get(node, "properties");
    const char *member;
    json_t *one;

    (void) arg;

    json_object_foreach((json_t *) value, member, one)
    {
        (void) one;

        if (json_object_get(known, member) == NULL) {
            schema_place_t here = {at, member, 0};

            return schema_fail(run, &here, "is not known here");
        }
    }

    return EXPO_OK;
}


CHECKER(schema_check_minimum)
{
    (void) node;

    if (json_is_number(value) &&
        json_number_value(value) < json_number_value(arg)) {
        return schema_fail(run, at, "must be at least %.15g",
                           json_number_value(arg));
    }

    return EXPO_OK;
}


CHECKER(schema_check_maximum)
{
    (void) node;

    if (json_is_number(value) &&
        json_number_value(value) > json_number_value(arg)) {
        return schema_fail(run, at, "must be at most %.15g",
                           json_number_value(arg));
    }

    return EXPO_OK;
}


CHECKER(schema_check_above)
{
    (void) node;

    if (json_is_number(value) &&
        json_number_value(value) <= json_number_value(arg)) {
        return schema_fail(run, at, "must be more than %.15g",
                           json_number_value(arg));
    }

    return EXPO_OK;
}


CHECKER(schema_check_items)
{
    json_t *one;
    size_t i;
    expo_status_t st;

    (void) node;

    json_array_foreach(value, i, one)
    {
        schema_place_t here = {at, NULL, i};

        run->refs = 0;
        st = schema_value(run, &here, arg, one);
        if (st != EXPO_OK) {
            return st;
        }
    }

    return EXPO_OK;
}


CHECKER(schema_check_min_items)
{
    (void) node;

    if (json_is_array(value) &&
        json_array_size(value) < (size_t) json_integer_value(arg)) {
        return schema_fail(run, at, "must have at least %lld elements",
                           (long long) json_integer_value(arg));
    }

    return EXPO_OK;
}


CHECKER(schema_check_max_items)
{
    (void) node;

    if (json_is_array(value) &&
        json_array_size(value) > (size_t) json_integer_value(arg)) {
        return schema_fail(run, at, "must have at most %lld elements",
                           (long long) json_integer_value(arg));
    }

    return EXPO_OK;
}


CHECKER(schema_check_min_length)
{
    (void) node;

    if (json_is_string(value) &&
        schema_length(value) < (size_t) json_integer_value(arg)) {
        return schema_fail(run, at, "must have at least %lld characters",
                           (long long) json_integer_value(arg));
    }

    return EXPO_OK;
}


CHECKER(schema_check_max_length)
{
    (void) node;

    if (json_is_string(value) &&
        schema_length(value) > (size_t) json_integer_value(arg)) {
        return schema_fail(run, at, "must have at most %lld characters",
                           (long long) json_integer_value(arg));
    }

    return EXPO_OK;
}


/* In code points: UTF-8's continuation bytes do not count. */
static size_t
schema_length(const json_t *string)
{
    const char *text = json_string_value(string);
    size_t i, n = 0, bytes = json_string_length(string);

    for (i = 0; i < bytes; i++) {
        n += ((unsigned char) text[i] & 0xc0) != 0x80;
    }

    return n;
}


CHECKER(schema_check_pattern)
{
    const unsigned char *text;
    schema_pattern_t p;
    size_t i, bytes;

    (void) node;

    if (!json_is_string(value)) {
        return EXPO_OK;
    }

    schema_pattern_read(&p, json_string_value(arg));
    text = (const unsigned char *) json_string_value(value);
    bytes = json_string_length(value);

    for (i = 0; i < bytes && text[i] < 128 && p.allowed[text[i]]; i++) {
    }

    if (i < bytes || bytes < p.min || bytes > p.max) {
        return schema_fail(run, at, "does not have the right form");
    }

    return EXPO_OK;
}


CHECKER(schema_check_enum)
{
    json_t *one;
    size_t i;

    (void) node;

    json_array_foreach(arg, i, one)
    {
        if (json_equal(one, value)) {
            return EXPO_OK;
        }
    }

    return schema_fail(run, at, "is not one of the possible values");
}


CHECKER(schema_check_const)
{
    (void) node;

    if (json_equal(arg, value)) {
        return EXPO_OK;
    }

    if (json_is_string(arg)) {
        return schema_fail(run, at, "must be \"%s\"", json_string_value(arg));
    }

    if (json_is_number(arg)) {
        return schema_fail(run, at, "must be %.15g", json_number_value(arg));
    }

    return schema_fail(run, at, "does not have its only possible value");
}


CHECKER(schema_check_one_of)
{
    const char *member = schema_discriminator(arg);
    const json_t *given = json_object_get(value, member);
    schema_place_t here = {at, member, 0};
    json_t *choice;
    size_t i;

    (void) node;

    if (given == NULL) {
        return schema_fail(run, &here, "is missing");
    }

    json_array_foreach(arg, i, choice)
    {
        if (json_equal(schema_const(choice, member), given)) {
            return schema_value(run, at, choice, value);
        }
    }

    return schema_fail(run, &here, "is not one of the possible values");
}


CHECKER(schema_check_ref)
{
    (void) node;

    if (++run->refs > SCHEMA_DEPTH) {
        return schema_fail(run, at, "has a contract that refers to itself");
    }

    return schema_value(run, at, schema_resolve(run->defs, arg), value);
}


/* --- the sentence --- */

/* A member's name comes from outside: only plain short ones are repeated. */
static bool
schema_is_plain(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz"
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$");

    return n > 0 && n <= 40 && name[n] == '\0';
}


static size_t
schema_print_place(char *dst, size_t cap, const schema_place_t *at)
{
    size_t n;
    int m;

    if (at == NULL) {
        return 0;
    }

    n = schema_print_place(dst, cap, at->up);

    if (at->member == NULL) {
        m = snprintf(dst + n, cap - n, "[%zu]", at->index);

    } else {
        m = snprintf(dst + n, cap - n, "%s%s", n > 0 ? "." : "",
                     schema_is_plain(at->member) ? at->member : "(a member)");
    }

    n += (size_t) m;
    return n < cap ? n : cap - 1;
}


static expo_status_t
schema_fail(schema_run_t *run, const schema_place_t *at, const char *format,
            ...)
{
    char place[200], sentence[100];
    va_list args;

    if (schema_print_place(place, sizeof(place), at) == 0) {
        strcpy(place, "the message");
    }

    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);

    if (run->error_bytes > 0) {
        snprintf(run->error, run->error_bytes, "%s %s", place, sentence);
    }

    return EXPO_INVALID;
}
