#include "lib/schema.c"
#include "lib/schema_check.c"
#include "t/unit/check.h"

static expo_status_t
load(const char *text, expo_schema_t **s)
{
    *s = NULL;
    return expo_schema_load(text, strlen(text), s);
}


/* Status of `value` against `schema`; the sentence lands in error. */
static char error[300];

static expo_status_t
judge(const char *schema, const char *value)
{
    expo_schema_t *s;
    json_t *v = json_loads(value, JSON_DECODE_ANY, NULL);
    expo_status_t st = load(schema, &s);

    error[0] = '\0';
    if (st == EXPO_OK) {
        st = expo_schema_check(s, "", v, error, sizeof(error));
    }

    json_decref(v);
    expo_schema_close(s);
    return st;
}


static int
says(const char *schema, const char *value, const char *sentence)
{
    if (judge(schema, value) != EXPO_INVALID || strcmp(error, sentence) != 0) {
        printf("# said: %s\n", error);
        return 0;
    }

    return 1;
}


static void
the_built_in_contracts_load_and_nothing_else_is_built_in(void)
{
    expo_schema_t *s;
    json_t *file;

    check(expo_schema_open("settings", &s) == EXPO_OK);
    file = json_load_file("api/settings.schema.json", 0, NULL);
    check(file != NULL && json_equal(file, expo_schema_json(s)));
    json_decref(file);
    expo_schema_close(s);

    check(expo_schema_open("messages", &s) == EXPO_OK);
    file = json_load_file("api/messages.schema.json", 0, NULL);
    check(file != NULL && json_equal(file, expo_schema_json(s)));
    json_decref(file);
    expo_schema_close(s);

    check(expo_schema_open("other", &s) == EXPO_NOT_FOUND);
}


static void
a_schema_that_would_go_unchecked_is_refused(void)
{
    expo_schema_t *s;

    check(load("{\"type\":\"object\",\"minProperties\":1}", &s) ==
          EXPO_UNSUPPORTED);
    check(load("{\"properties\":{\"a\":{\"anyOf\":[]}}}", &s) ==
          EXPO_UNSUPPORTED);
    check(load("{\"items\":{\"multipleOf\":2}}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"$defs\":{\"a\":{\"not\":{}}}}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"type\":\"any\"}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"type\":[\"string\",\"object\"]}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"additionalProperties\":true}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"minItems\":-1}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"maximum\":\"1\"}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"enum\":[]}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"required\":[1]}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"$ref\":\"#/$defs/none\"}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"$ref\":\"other.json\"}", &s) == EXPO_UNSUPPORTED);
    check(load("[]", &s) == EXPO_UNSUPPORTED);
    check(load("{\"type\":\"object\",\"type\":\"array\"}", &s) == EXPO_INVALID);
    check(load("{", &s) == EXPO_INVALID);
}


static void
patterns_are_one_class_and_a_length(void)
{
    expo_schema_t *s;
    const char *id = "{\"pattern\":\"^[a-z2-7]{3,5}$\"}";

    check(judge(id, "\"abc\"") == EXPO_OK);
    check(judge(id, "\"ab234\"") == EXPO_OK);
    check(judge(id, "\"ab\"") == EXPO_INVALID);
    check(judge(id, "\"abcdef\"") == EXPO_INVALID);
    check(judge(id, "\"ab1\"") == EXPO_INVALID);
    check(judge(id, "\"abC\"") == EXPO_INVALID);
    check(judge(id, "\"ab\\u00e9\"") == EXPO_INVALID);
    check(judge(id, "\"abc\\u000a\"") == EXPO_INVALID);
    check(judge(id, "3") == EXPO_OK); /* only strings have patterns */
    check(judge("{\"pattern\":\"^[a-]{1,2}$\"}", "\"-a\"") == EXPO_OK);

    check(load("{\"pattern\":\"[a-z]{1,2}\"}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"pattern\":\"^[^a]{1,2}$\"}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"pattern\":\"^[a-z]+$\"}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"pattern\":\"^[a-z]{1,2}\"}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"pattern\":\"^[a-z]{1,2}$x\"}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"pattern\":\"^[z-a]{1,2}$\"}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"pattern\":\"^[\\\\d]{1,2}$\"}", &s) == EXPO_UNSUPPORTED);
    check(load("{\"pattern\":\"^[abc\"}", &s) == EXPO_UNSUPPORTED);
}


static void
every_keyword_draws_its_line(void)
{
    check(judge("{\"minimum\":2}", "2") == EXPO_OK);
    check(says("{\"minimum\":2}", "1.5", "the message must be at least 2"));
    check(judge("{\"maximum\":0.95}", "0.95") == EXPO_OK);
    check(says("{\"maximum\":0.95}", "1", "the message must be at most 0.95"));
    check(judge("{\"exclusiveMinimum\":0}", "0.1") == EXPO_OK);
    check(judge("{\"exclusiveMinimum\":0}", "0") == EXPO_INVALID);
    check(judge("{\"minItems\":1,\"maxItems\":2}", "[1,2]") == EXPO_OK);
    check(judge("{\"minItems\":1}", "[]") == EXPO_INVALID);
    check(judge("{\"maxItems\":2}", "[1,2,3]") == EXPO_INVALID);
    check(judge("{\"minLength\":2}", "\"\\u00e9\\u00e9\"") == EXPO_OK);
    check(judge("{\"minLength\":2}", "\"\\u00e9\"") == EXPO_INVALID);
    check(judge("{\"maxLength\":2}", "\"\\u00e9\\u00e9\"") == EXPO_OK);
    check(judge("{\"maxLength\":2}", "\"abc\"") == EXPO_INVALID);
    check(judge("{\"enum\":[\"a\",2]}", "2") == EXPO_OK);
    check(judge("{\"enum\":[\"a\",2]}", "3") == EXPO_INVALID);
    check(says("{\"const\":\"a\"}", "\"b\"", "the message must be \"a\""));
    check(says("{\"const\":1}", "2", "the message must be 1"));
    check(judge("{\"const\":null}", "null") == EXPO_OK);
    check(judge("{\"const\":null}", "1") == EXPO_INVALID);
}


static void
an_integer_is_written_as_one(void)
{
    check(judge("{\"type\":\"integer\"}", "3") == EXPO_OK);
    check(judge("{\"type\":\"integer\"}", "3.0") == EXPO_INVALID);
    check(judge("{\"type\":\"integer\"}", "true") == EXPO_INVALID);
    check(judge("{\"type\":\"number\"}", "3") == EXPO_OK);
    check(judge("{\"type\":\"boolean\"}", "false") == EXPO_OK);
    check(judge("{\"type\":\"boolean\"}", "0") == EXPO_INVALID);
    check(
        says("{\"type\":\"object\"}", "null", "the message must be an object"));
    check(says("{\"type\":\"string\"}", "[]", "the message must be a string"));
}


static void
the_sentence_names_the_place(void)
{
    const char *s = "{\"type\":\"object\",\"additionalProperties\":false,"
                    "\"required\":[\"a\"],\"properties\":{\"a\":{\"type\":"
                    "\"array\",\"items\":{\"$ref\":\"#/$defs/n\"}}},"
                    "\"$defs\":{\"n\":{\"type\":\"number\",\"maximum\":1}}}";

    check(judge(s, "{\"a\":[0,1]}") == EXPO_OK);
    check(says(s, "{}", "a is missing"));
    check(says(s, "{\"a\":[0,2]}", "a[1] must be at most 1"));
    check(says(s, "{\"a\":[],\"b\":1}", "b is not known here"));
    check(says(s, "{\"a\":[],\"b\\nc\":1}", "(a member) is not known here"));
}


static void
a_small_or_missing_error_buffer_is_respected(void)
{
    char small[8] = "1234567";
    expo_schema_t *s;
    json_t *v = json_integer(5);

    check(load("{\"type\":\"string\"}", &s) == EXPO_OK);
    check(expo_schema_check(s, "", v, small, 4) == EXPO_INVALID);
    check(memcmp(small,
                 "the\0"
                 "567",
                 7) == 0);
    check(expo_schema_check(s, "", v, NULL, 0) == EXPO_INVALID);
    check(expo_schema_check(s, "none", v, NULL, 0) == EXPO_INVALID);
    json_decref(v);
    expo_schema_close(s);
}


static void
one_of_is_decided_by_its_const(void)
{
    const char *s =
        "{\"oneOf\":["
        "{\"properties\":{\"kind\":{\"const\":\"a\"},\"x\":{\"maximum\":1}},"
        "\"additionalProperties\":false},"
        "{\"properties\":{\"kind\":{\"const\":\"b\"}},\"required\":[\"y\"]}]}";
    expo_schema_t *none;

    check(judge(s, "{\"kind\":\"a\",\"x\":1}") == EXPO_OK);
    check(says(s, "{\"kind\":\"a\",\"x\":2}", "x must be at most 1"));
    check(says(s, "{\"kind\":\"b\"}", "y is missing"));
    check(says(s, "{}", "kind is missing"));
    check(
        says(s, "{\"kind\":\"c\"}", "kind is not one of the possible values"));
    check(load("{\"oneOf\":[{\"properties\":{\"k\":{\"const\":1}}},"
               "{\"properties\":{\"k\":{\"const\":1}}}]}",
               &none) == EXPO_UNSUPPORTED);
    check(load("{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]}",
               &none) == EXPO_UNSUPPORTED);
}


static void
a_schema_that_refers_to_itself_ends(void)
{
    check(judge("{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":"
                "{\"$ref\":\"#/$defs/a\"}}}",
                "1") == EXPO_INVALID);
    check(judge("{\"$ref\":\"#/$defs/t\",\"$defs\":{\"t\":{\"type\":\"object\","
                "\"properties\":{\"t\":{\"$ref\":\"#/$defs/t\"}}}}}",
                "{\"t\":{\"t\":{\"t\":{}}}}") == EXPO_OK);
}


static void
messages_are_judged_by_their_name(void)
{
    expo_schema_t *s;
    json_t *m;

    check(expo_schema_open("messages", &s) == EXPO_OK);

    m = json_pack("{s:s,s:f}", "type", "ping", "time", 1.5);
    check(expo_schema_check(s, "client_ping", m, error, sizeof(error)) ==
          EXPO_OK);
    check(expo_schema_check(s, "client_keyframe", m, error, sizeof(error)) ==
          EXPO_INVALID);
    json_decref(m);

    m = json_pack("{s:s,s:s}", "type", "join", "session",
                  "abcdefghijklmnopqrstuvwxy2");
    check(expo_schema_check(s, "control_join", m, error, sizeof(error)) ==
          EXPO_OK);
    json_object_set_new(m, "session", json_string("ABC"));
    check(expo_schema_check(s, "control_join", m, error, sizeof(error)) ==
          EXPO_INVALID);
    check(strcmp(error, "session does not have the right form") == 0);
    json_decref(m);

    expo_schema_close(s);
}


int
main(void)
{
    the_built_in_contracts_load_and_nothing_else_is_built_in();
    a_schema_that_would_go_unchecked_is_refused();
    patterns_are_one_class_and_a_length();
    every_keyword_draws_its_line();
    an_integer_is_written_as_one();
    the_sentence_names_the_place();
    a_small_or_missing_error_buffer_is_respected();
    one_of_is_decided_by_its_const();
    a_schema_that_refers_to_itself_ends();
    messages_are_judged_by_their_name();
    return done();
}
