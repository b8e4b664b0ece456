/* A value against a node of a schema, and the sentence of what is wrong. */

#include "lib/schema_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool schema_type_is(const char *type, const json_t *value);
static size_t schema_length(const json_t *string);
static expo_status_t schema_fail(schema_run_t *run, const schema_place_t *at,
                                 const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static expo_status_t schema_value(schema_run_t *run, const schema_place_t *at,
                                  const json_t *node, const json_t *value);


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
