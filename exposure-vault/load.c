#include "exposure-vault/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "lib/jwks.h"

#define LOAD_PEM_MAX 16384

static int load_master(expo_vault_t *v, const load_options_t *o,
                       char error[LOAD_ERROR]);
static int load_built_in(expo_vault_t *v, const load_options_t *o,
                         char error[LOAD_ERROR]);
static int load_trust(expo_vault_t *v, const char *text,
                      char error[LOAD_ERROR]);
static int load_keys(expo_vault_t *v, size_t entry, const char *json,
                     size_t len, char error[LOAD_ERROR]);
static char *load_file(const char *path, mode_t forbidden, size_t max,
                       size_t *len, char error[LOAD_ERROR]);
static uint64_t load_now(void);


int
load_vault(expo_vault_t **out, const load_options_t *o, char error[LOAD_ERROR])
{
    expo_vault_t *v;
    int ok;

    if (sodium_init() < 0 || (v = sodium_malloc(sizeof(*v))) == NULL) {
        snprintf(error, LOAD_ERROR, "There is no memory that can be locked.");
        return -1;
    }

    memset(v, 0, sizeof(*v));
    v->now = load_now;
    v->random = randombytes_buf;
    randombytes_buf(v->instance, sizeof(v->instance));

    ok = expo_trust_open(&v->trust) == EXPO_OK &&
         load_master(v, o, error) == 0 && load_built_in(v, o, error) == 0;

    for (size_t i = 0; ok && i < o->trusts; i++) {
        ok = load_trust(v, o->trust[i], error) == 0;
    }

    if (!ok) {
        sodium_free(v);
        return -1;
    }

    *out = v;

    return 0;
}


static int
load_master(expo_vault_t *v, const load_options_t *o, char error[LOAD_ERROR])
{
    expo_master_t masters[EXPO_MASTERS];
    expo_status_t st;
    size_t n;

    st = expo_vault_masters_load(masters, &n, o->master, error, LOAD_ERROR);
    if (st != EXPO_OK) {
        return -1;
    }

    st = expo_vault_start_all(v, masters, n);
    sodium_memzero(masters, sizeof(masters));

    if (st != EXPO_OK) {
        snprintf(error, LOAD_ERROR, "No keys can be derived.");
        return -1;
    }

    expo_vault_master_place(v->protection, o->master, o->data);

    if (strcmp(v->protection, "same-disk") == 0 && !o->key_beside_data) {
        snprintf(error, LOAD_ERROR,
                 "The master key %s lies on the file system of %s, so that one "
                 "stolen disk opens every scan: move it, or for a demo say "
                 "--key-beside-data.",
                 o->master, o->data);
        return -1;
    }

    return 0;
}


/* The PEM stays in locked memory; OpenSSL's copy lives for one signature. */
static int
load_built_in(expo_vault_t *v, const load_options_t *o, char error[LOAD_ERROR])
{
    char *pem, *locked, *jwks;
    size_t len, entry;

    if (o->signing_key == NULL) {
        return 0;
    }

    pem = load_file(o->signing_key, 077, LOAD_PEM_MAX, &len, error);
    if (pem == NULL) {
        return -1;
    }

    locked = sodium_malloc(len);
    if (locked != NULL) {
        memcpy(locked, pem, len);
    }
    sodium_memzero(pem, len);
    free(pem);

    if (locked == NULL || expo_token_jwks(locked, len, &jwks) != EXPO_OK) {
        snprintf(error, LOAD_ERROR,
                 "The signing key %s is no RSA private key in PEM.",
                 o->signing_key);
        return -1;
    }

    if (expo_trust_add(v->trust, o->issuer, o->audience, &entry) != EXPO_OK) {
        snprintf(error, LOAD_ERROR, "The issuer %s cannot be used.", o->issuer);
        return -1;
    }

    v->pem = locked;
    v->pem_bytes = len;
    v->jwks = jwks;
    v->issuer = o->issuer;
    v->audience = o->audience;

    return load_keys(v, entry, jwks, strlen(jwks), error);
}


static int
load_trust(expo_vault_t *v, const char *text, char error[LOAD_ERROR])
{
    char issuer[EXPO_ISS_MAX], audience[EXPO_ISS_MAX], path[4096], *json;
    size_t entry, len;
    int n = 0, rc;

    if (sscanf(text, "%255s %255s %4095s%n", issuer, audience, path, &n) != 3 ||
        text[n] != '\0') {
        snprintf(error, LOAD_ERROR,
                 "--trust '%s' must be 'ISSUER AUDIENCE FILE' or 'ISSUER "
                 "AUDIENCE nginx'.",
                 text);
        return -1;
    }

    if (expo_trust_add(v->trust, issuer, audience, &entry) != EXPO_OK) {
        snprintf(error, LOAD_ERROR,
                 "The issuer %s is there twice, or one too many.", issuer);
        return -1;
    }

    if (strcmp(path, "nginx") == 0) {
        v->fed |= UINT32_C(1) << entry;
        return 0;
    }

    json = load_file(path, 022, EXPO_JWKS_BYTES_MAX, &len, error);
    if (json == NULL) {
        return -1;
    }

    rc = load_keys(v, entry, json, len, error);
    free(json);

    return rc;
}


static int
load_keys(expo_vault_t *v, size_t entry, const char *json, size_t len,
          char error[LOAD_ERROR])
{
    expo_jwks_t *keys;

    if (expo_jwks_load(json, len, &keys, error, LOAD_ERROR) != EXPO_OK) {
        return -1;
    }

    expo_trust_keys(v->trust, entry, keys);

    return 0;
}


/* Who writes an issuer's keys is the issuer; who reads a secret has it. */
static char *
load_file(const char *path, mode_t forbidden, size_t max, size_t *len,
          char error[LOAD_ERROR])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char *text = NULL;
    struct stat sb;
    ssize_t n = 0;

    if (fd < 0 || fstat(fd, &sb) < 0) {
        snprintf(error, LOAD_ERROR, "%s cannot be opened: %s.", path,
                 strerror(errno));

    } else if (!S_ISREG(sb.st_mode) || sb.st_size == 0 ||
               sb.st_size > (off_t) max) {
        snprintf(error, LOAD_ERROR, "%s must be a file of 1 to %zu bytes.",
                 path, max);

    } else if ((sb.st_mode & forbidden) ||
               (sb.st_uid != 0 && sb.st_uid != geteuid())) {
        snprintf(error, LOAD_ERROR,
                 "%s is open to others (mode %04o, user number %u).", path,
                 sb.st_mode & 07777, (unsigned) sb.st_uid);

    } else {
        text = malloc((size_t) sb.st_size);
        n = text != NULL ? read(fd, text, (size_t) sb.st_size) : 0;

        if (n != sb.st_size) {
            snprintf(error, LOAD_ERROR, "%s cannot be read.", path);
            free(text);
            text = NULL;
        }
    }

    if (fd >= 0) {
        close(fd);
    }

    *len = (size_t) n;

    return text;
}


static uint64_t
load_now(void)
{
    return (uint64_t) time(NULL);
}
