/*
 * vault-open DIR: opens what the folder's vectors.json describes and compares.
 * One line for each thing that differs; exit status 0 when all agree.
 *
 * vectors.json: {master, users: [{iss, sub, salt, tag, pk, sk}],
 * wraps: [{user, scan, epoch, role, sealed, dek}],
 * blobs: [{file, dek, scan, blob, kind, epoch, size, sha256}]}, bytes in hex,
 * user an index, role "owner", "edit" or "read".
 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

#include "lib/vault.h"

static int failures, checked;

static void expect(int right, const char *what, size_t index);
static int bytes(uint8_t *dst, size_t len, json_t *object, const char *name);
static void open_users(json_t *users, const uint8_t master[32]);
static void open_wraps(json_t *wraps, json_t *users);
static int open_wrap(json_t *wrap, json_t *user);
static void open_blobs(json_t *blobs, const char *dir);
static int open_blob(json_t *blob, const char *dir);
static int open_chunks(const expo_blob_t *b, const uint8_t *file, size_t len,
                       uint64_t size, const uint8_t sha256[32]);
static uint8_t *read_file(const char *dir, const char *name, size_t *len);


int
main(int argc, char **argv)
{
    char path[PATH_MAX];
    json_error_t why;
    uint8_t master[32];
    json_t *v;

    if (argc != 2 || sodium_init() < 0) {
        fputs("usage: vault-open DIR\n", stderr);
        return 1;
    }

    snprintf(path, sizeof(path), "%s/vectors.json", argv[1]);

    v = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (v == NULL) {
        fprintf(stderr, "%s: %s\n", path, why.text);
        return 1;
    }

    expect(bytes(master, sizeof(master), v, "master"), "master", 0);
    open_users(json_object_get(v, "users"), master);
    open_wraps(json_object_get(v, "wraps"), json_object_get(v, "users"));
    open_blobs(json_object_get(v, "blobs"), argv[1]);
    json_decref(v);

    printf("%d checked, %d failed\n", checked, failures);

    return failures > 0;
}


static void
expect(int right, const char *what, size_t index)
{
    checked++;

    if (!right) {
        failures++;
        printf("%s %zu differs\n", what, index);
    }
}


/* A member of exactly len bytes in hex. */
static int
bytes(uint8_t *dst, size_t len, json_t *object, const char *name)
{
    json_t *text = json_object_get(object, name);
    size_t n;

    return json_is_string(text) &&
           sodium_hex2bin(dst, len, json_string_value(text),
                          json_string_length(text), NULL, &n, NULL) == 0 &&
           n == len;
}


static void
open_users(json_t *users, const uint8_t master[32])
{
    uint8_t salt[32], tag[64], pk[32], sk[32];
    uint8_t want_tag[64], want_pk[32], want_sk[32];
    const char *iss, *sub;
    expo_names_t names;
    json_t *u;
    size_t i;

    expect(expo_vault_names(&names, master) == EXPO_OK, "names", 0);

    json_array_foreach(users, i, u)
    {
        iss = json_string_value(json_object_get(u, "iss"));
        sub = json_string_value(json_object_get(u, "sub"));

        expect(iss != NULL && sub != NULL && bytes(salt, 32, u, "salt") &&
                   bytes(want_tag, 64, u, "tag") &&
                   bytes(want_pk, 32, u, "pk") && bytes(want_sk, 32, u, "sk") &&
                   expo_vault_user_tag(tag, &names, iss, sub) == EXPO_OK &&
                   expo_vault_user_keys(pk, sk, master, salt, iss, sub) ==
                       EXPO_OK &&
                   memcmp(tag, want_tag, 64) == 0 &&
                   memcmp(pk, want_pk, 32) == 0 && memcmp(sk, want_sk, 32) == 0,
               "user", i);
    }
}


static void
open_wraps(json_t *wraps, json_t *users)
{
    json_t *w, *user;
    size_t i;

    json_array_foreach(wraps, i, w)
    {
        user = json_array_get(
            users, (size_t) json_integer_value(json_object_get(w, "user")));
        expect(open_wrap(w, user), "wrap", i);
    }
}


static int
open_wrap(json_t *wrap, json_t *user)
{
    static const struct {
        const char *name;
        expo_role_t role;
    } roles[] = {{"owner", EXPO_ROLE_OWNER},
                 {"edit", EXPO_ROLE_EDITOR},
                 {"read", EXPO_ROLE_VIEWER}};
    const char *name = json_string_value(json_object_get(wrap, "role"));
    uint8_t sealed[EXPO_SEALED_KEY], dek[32], want[32], tag[64], pk[32], sk[32];
    json_int_t epoch = json_integer_value(json_object_get(wrap, "epoch"));
    expo_id_t scan;

    if (name == NULL || !bytes(sealed, sizeof(sealed), wrap, "sealed") ||
        !bytes(want, 32, wrap, "dek") || !bytes(scan.b, 16, wrap, "scan") ||
        !bytes(tag, 64, user, "tag") || !bytes(pk, 32, user, "pk") ||
        !bytes(sk, 32, user, "sk")) {
        return 0;
    }

    for (size_t i = 0; i < 3; i++) {
        if (strcmp(name, roles[i].name) == 0) {
            return expo_vault_open_key(dek, sealed, &scan, tag,
                                       (uint32_t) epoch, roles[i].role, pk,
                                       sk) == EXPO_OK &&
                   memcmp(dek, want, 32) == 0;
        }
    }

    return 0;
}


static void
open_blobs(json_t *blobs, const char *dir)
{
    json_t *b;
    size_t i;

    json_array_foreach(blobs, i, b)
    {
        expect(open_blob(b, dir), "blob", i);
    }
}


static int
open_blob(json_t *blob, const char *dir)
{
    json_int_t kind = json_integer_value(json_object_get(blob, "kind"));
    json_int_t size = json_integer_value(json_object_get(blob, "size"));
    json_int_t epoch = json_integer_value(json_object_get(blob, "epoch"));
    const char *name = json_string_value(json_object_get(blob, "file"));
    uint8_t dek[32], sha256[32], *file;
    expo_id_t scan, id, its_scan, its_id;
    expo_blob_kind_t its_kind;
    uint32_t its_epoch;
    expo_blob_t b;
    size_t len;
    int ok;

    if (name == NULL || strchr(name, '/') != NULL ||
        !bytes(dek, 32, blob, "dek") || !bytes(scan.b, 16, blob, "scan") ||
        !bytes(id.b, 16, blob, "blob") || !bytes(sha256, 32, blob, "sha256")) {
        return 0;
    }

    file = read_file(dir, name, &len);

    ok = file != NULL && len >= EXPO_BLOB_HEADER &&
         expo_vault_blob_about(file, &its_scan, &its_id, &its_kind,
                               &its_epoch) == EXPO_OK &&
         its_epoch == (uint32_t) epoch &&
         expo_vault_blob_open(&b, file, dek, &scan, &id,
                              (expo_blob_kind_t) kind) == EXPO_OK &&
         open_chunks(&b, file, len, (uint64_t) size, sha256);

    free(file);

    return ok;
}


static int
open_chunks(const expo_blob_t *b, const uint8_t *file, size_t len,
            uint64_t size, const uint8_t sha256[32])
{
    size_t chunk = expo_vault_blob_chunk(b), sealed;
    const uint8_t *src = file + EXPO_BLOB_HEADER, *end = file + len;
    crypto_hash_sha256_state state;
    uint64_t plain_bytes, chunks;
    uint8_t *plain, hash[32];
    int ok;

    if (expo_vault_blob_length(b, len, &plain_bytes, &chunks) != EXPO_OK ||
        plain_bytes != size) {
        return 0;
    }

    plain = malloc(chunk);
    ok = plain != NULL;
    crypto_hash_sha256_init(&state);

    for (uint64_t i = 0; i < chunks && ok; i++) {
        int last = i == chunks - 1;

        sealed = last ? (size_t) (end - src) : chunk + EXPO_BLOB_TAG;
        ok = expo_vault_chunk_open(b, i, last, src, sealed, plain) == EXPO_OK;
        crypto_hash_sha256_update(&state, plain,
                                  ok ? sealed - EXPO_BLOB_TAG : 0);
        src += sealed;
    }

    crypto_hash_sha256_final(&state, hash);
    free(plain);

    return ok && memcmp(hash, sha256, 32) == 0;
}


static uint8_t *
read_file(const char *dir, const char *name, size_t *len)
{
    char path[PATH_MAX];
    uint8_t *b = NULL;
    long size;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);

    f = fopen(path, "re");
    if (f == NULL) {
        return NULL;
    }

    if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 &&
        fseek(f, 0, SEEK_SET) == 0) {
        b = malloc((size_t) size + 1);

        if (b != NULL && fread(b, 1, (size_t) size, f) != (size_t) size) {
            free(b);
            b = NULL;
        }

        *len = (size_t) size;
    }

    fclose(f);

    return b;
}
