/*
 * jws-verify: lines {"jwk":...,"jws":...} on standard input; prints ok or fail
 * for each, by the signature check that access tokens pass through.
 */

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "lib/token.h"

static int verify(const char *line, size_t len);


int
main(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;

    while ((len = getline(&line, &room, stdin)) >= 0) {
        puts(verify(line, (size_t) len) ? "ok" : "fail");
    }

    free(line);

    return 0;
}


static int
verify(const char *line, size_t len)
{
    json_t *object, *jws, *set;
    expo_jwks_t *keys = NULL;
    size_t bytes, set_len;
    uint8_t *payload = NULL;
    char error[128], *text;
    int ok = 0;

    object = json_loadb(line, len, 0, NULL);
    jws = json_object_get(object, "jws");
    set = json_pack("{s:[O?]}", "keys", json_object_get(object, "jwk"));
    text = json_dumps(set, JSON_COMPACT);
    set_len = text != NULL ? json_dumpb(set, NULL, 0, JSON_COMPACT) : 0;

    if (json_is_string(jws) && text != NULL &&
        expo_jwks_load(text, set_len, &keys, error, sizeof(error)) == EXPO_OK) {
        ok = expo_token_signature(keys, json_string_value(jws),
                                  json_string_length(jws), &payload,
                                  &bytes) == EXPO_OK;
    }

    free(payload);
    expo_jwks_free(keys);
    free(text);
    json_decref(set);
    json_decref(object);

    return ok;
}
