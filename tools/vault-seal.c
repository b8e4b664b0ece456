/*
 * vault-seal DIR: writes a folder like the one vault-open reads, with random
 * keys and contents, so that another implementation can be tried on ours.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>
#include <sodium.h>

#include "lib/vault.h"

#define SEAL_USERS 4
#define SEAL_BLOBS 7
#define SEAL_SIZE_MAX 300000

typedef struct {
    uint8_t tag[EXPO_TAG], pk[32];
} user_t;

static json_t *hex(const uint8_t *src, size_t len);
static json_t *seal_users(const uint8_t master[32], user_t users[SEAL_USERS]);
static json_t *seal_wrap(const user_t *user, int number, const uint8_t dek[32],
                         const expo_id_t *scan, uint32_t epoch);
static json_t *seal_blob(const char *dir, int number, const uint8_t dek[32],
                         const expo_id_t *scan, uint32_t epoch);
static int write_blob(const char *dir, const char *name, const expo_blob_t *b,
                      const uint8_t *plain, size_t size);


int
main(int argc, char **argv)
{
    json_t *v, *wraps = json_array(), *blobs = json_array(), *all;
    uint8_t master[32], dek[32];
    user_t users[SEAL_USERS];
    char path[PATH_MAX];
    expo_id_t scan;

    if (argc != 2 || sodium_init() < 0) {
        fputs("usage: vault-seal DIR\n", stderr);
        return 1;
    }

    if (mkdir(argv[1], 0777) < 0 && errno != EEXIST) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        return 1;
    }

    randombytes_buf(master, sizeof(master));
    all = seal_users(master, users);

    for (int i = 0; i < SEAL_BLOBS; i++) {
        uint32_t epoch = (uint32_t) i + 1;

        randombytes_buf(dek, sizeof(dek));
        randombytes_buf(&scan, sizeof(scan));

        json_array_append_new(
            wraps, seal_wrap(&users[i % SEAL_USERS], i, dek, &scan, epoch));
        json_array_append_new(blobs, seal_blob(argv[1], i, dek, &scan, epoch));
    }

    v = json_pack("{s:o, s:o, s:o, s:o}", "master", hex(master, 32), "users",
                  all, "wraps", wraps, "blobs", blobs);

    snprintf(path, sizeof(path), "%s/vectors.json", argv[1]);

    if (v == NULL || json_array_size(wraps) != SEAL_BLOBS ||
        json_array_size(blobs) != SEAL_BLOBS ||
        json_dump_file(v, path, JSON_INDENT(1)) != 0) {
        fprintf(stderr, "%s cannot be written\n", path);
        return 1;
    }

    json_decref(v);

    return 0;
}


static json_t *
hex(const uint8_t *src, size_t len)
{
    char text[2 * 128 + 1];

    return json_string(sodium_bin2hex(text, sizeof(text), src, len));
}


static json_t *
seal_users(const uint8_t master[32], user_t users[SEAL_USERS])
{
    static const char *const subs[SEAL_USERS] = {
        "auth0|0123456789abcdef01234567", "google-oauth2|123456789012345678901",
        "github|1", "g\xc3\xbcnther, with a comma"};
    static const char iss[] = "https://issuer.example/";
    uint8_t salt[32], sk[32];
    json_t *list = json_array();
    expo_names_t names;

    if (expo_vault_names(&names, master) != EXPO_OK) {
        return list;
    }

    for (int i = 0; i < SEAL_USERS; i++) {
        user_t *u = &users[i];

        randombytes_buf(salt, sizeof(salt));

        if (expo_vault_user_tag(u->tag, &names, iss, subs[i]) != EXPO_OK ||
            expo_vault_user_keys(u->pk, sk, master, salt, iss, subs[i]) !=
                EXPO_OK) {
            break;
        }

        json_array_append_new(
            list, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "iss", iss, "sub",
                            subs[i], "salt", hex(salt, 32), "tag",
                            hex(u->tag, EXPO_TAG), "pk", hex(u->pk, 32), "sk",
                            hex(sk, 32)));
    }

    return list;
}


static json_t *
seal_wrap(const user_t *user, int number, const uint8_t dek[32],
          const expo_id_t *scan, uint32_t epoch)
{
    int owner = number % 2 == 0;
    uint8_t sealed[EXPO_SEALED_KEY];

    if (expo_vault_seal_key(sealed, dek, scan, user->tag, epoch,
                            owner ? EXPO_ROLE_OWNER : EXPO_ROLE_VIEWER,
                            user->pk) != EXPO_OK) {
        return NULL;
    }

    return json_pack("{s:i, s:o, s:i, s:s, s:o, s:o}", "user",
                     number % SEAL_USERS, "scan", hex(scan->b, 16), "epoch",
                     (int) epoch, "role", owner ? "owner" : "read", "sealed",
                     hex(sealed, sizeof(sealed)), "dek", hex(dek, 32));
}


static json_t *
seal_blob(const char *dir, int number, const uint8_t dek[32],
          const expo_id_t *scan, uint32_t epoch)
{
    /* around every border of a 64 KiB chunk */
    static const size_t sizes[SEAL_BLOBS] = {0,     1,      65535,        65536,
                                             65537, 131072, SEAL_SIZE_MAX};
    static uint8_t plain[SEAL_SIZE_MAX];
    expo_blob_kind_t kind = (expo_blob_kind_t) (number % 3 + 1);
    size_t size = sizes[number];
    uint8_t salt[32], hash[32];
    char name[32];
    expo_blob_t b;
    expo_id_t id;

    snprintf(name, sizeof(name), "blob%d.erb", number);
    randombytes_buf(&id, sizeof(id));
    randombytes_buf(salt, sizeof(salt));
    randombytes_buf(plain, size);

    if (expo_vault_blob_new(&b, dek, epoch, scan, &id, kind, 16, salt) !=
            EXPO_OK ||
        !write_blob(dir, name, &b, plain, size)) {
        return NULL;
    }

    crypto_hash_sha256(hash, plain, size);

    return json_pack("{s:s, s:o, s:o, s:o, s:i, s:i, s:I, s:o}", "file", name,
                     "dek", hex(dek, 32), "scan", hex(scan->b, 16), "blob",
                     hex(id.b, 16), "kind", (int) kind, "epoch", (int) epoch,
                     "size", (json_int_t) size, "sha256", hex(hash, 32));
}


static int
write_blob(const char *dir, const char *name, const expo_blob_t *b,
           const uint8_t *plain, size_t size)
{
    static uint8_t sealed[65536 + EXPO_BLOB_TAG];
    size_t chunk = expo_vault_blob_chunk(b), n;
    char path[PATH_MAX];
    uint64_t index = 0;
    FILE *f;
    int ok, last;

    snprintf(path, sizeof(path), "%s/%s", dir, name);

    f = fopen(path, "we");
    if (f == NULL) {
        return 0;
    }

    ok = fwrite(b->header, EXPO_BLOB_HEADER, 1, f) == 1;

    do {
        n = size < chunk ? size : chunk;
        last = n == size;

        ok = ok &&
             expo_vault_chunk_seal(b, index++, last, plain, n, sealed) ==
                 EXPO_OK &&
             fwrite(sealed, n + EXPO_BLOB_TAG, 1, f) == 1;

        plain += n;
        size -= n;
    } while (!last);

    return fclose(f) == 0 && ok;
}
