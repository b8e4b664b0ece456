/*
 * jwt-verify JWKS_FILE: a token a line on standard input; prints ok or fail for
 * each, by the whole judgement with the issuer and audience below, now.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/jwks.h"
#include "lib/token.h"

#define ISSUER "https://issuer.test/"
#define AUDIENCE "exposure-api"

static expo_jwks_t *load(const char *path);


int
main(int argc, char **argv)
{
    char *line = NULL;
    expo_claims_t claims;
    expo_jwks_t *keys;
    size_t room = 0;
    ssize_t len;

    if (argc != 2) {
        fputs("usage: jwt-verify JWKS_FILE < TOKENS\n", stderr);
        return 1;
    }

    keys = load(argv[1]);
    if (keys == NULL) {
        return 1;
    }

    while ((len = getline(&line, &room, stdin)) >= 0) {
        if (len > 0 && line[len - 1] == '\n') {
            len--;
        }

        puts(expo_token_verify(keys, ISSUER, AUDIENCE, (uint64_t) time(NULL),
                               line, (size_t) len, &claims) == EXPO_OK
                 ? "ok"
                 : "fail");
    }

    free(line);
    expo_jwks_free(keys);

    return 0;
}


static expo_jwks_t *
load(const char *path)
{
    expo_jwks_t *keys = NULL;
    char error[256], *json;
    FILE *f;
    size_t n;

    f = fopen(path, "re");
    if (f == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return NULL;
    }

    json = malloc(EXPO_JWKS_BYTES_MAX + 1);
    n = json != NULL ? fread(json, 1, EXPO_JWKS_BYTES_MAX + 1, f) : 0;
    fclose(f);

    if (expo_jwks_load(json, n, &keys, error, sizeof(error)) != EXPO_OK) {
        fprintf(stderr, "%s: %s\n", path, error);
    }

    free(json);

    return keys;
}
