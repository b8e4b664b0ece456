/*
 * Each allocation of tokens, vault and store fails in turn, ours and those of
 * jansson, OpenSSL and SQLite: the answer is an error or the right one, the
 * next call works, and the sanitizers' build finds nothing lost.
 */

#include "t/unit/memory.h"

#include "lib/base64.c"
#include "lib/issuer.c"
#include "lib/jwks.c"
#include "lib/store.c"
#include "lib/store_blob.c"
#include "lib/store_check.c"
#include "lib/store_configuration.c"
#include "lib/store_scan.c"
#include "lib/store_user.c"
#include "lib/token.c"
#include "lib/vault.c"
#include "lib/vault_blob.c"
#include "lib/vault_keys.c"

#include "t/unit/memory_run.h"

#include <ftw.h>
#include <openssl/rsa.h>

static char pem[4096], *set_text, *token;
static char dir[64];
static expo_store_t *store;
static expo_user_t user;
static expo_id_t scan;


static expo_status_t
verifies(void)
{
    char error[128];
    expo_claims_t claims;
    expo_jwks_t *keys;
    expo_status_t st;

    st =
        expo_jwks_load(set_text, strlen(set_text), &keys, error, sizeof(error));
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_token_verify(keys, "i", "a", 1000, token, strlen(token), &claims);
    expo_jwks_free(keys);

    return st;
}

static expo_status_t
issues(void)
{
    static const uint8_t jti[16];
    expo_status_t st;
    char *made;

    st = expo_token_issue(pem, strlen(pem), "i", "a", "s", 1000, 600, jti,
                          &made);
    if (st == EXPO_OK) {
        free(made);
    }

    return st;
}

static expo_status_t
seals(void)
{
    static const uint8_t key[32];
    uint8_t tag[64], pk[32], sk[32], sealed[64], plain[48];
    expo_names_t names;
    expo_status_t st;
    expo_blob_t b;

    st = expo_vault_names(&names, key);
    if (st == EXPO_OK) {
        st = expo_vault_user_tag(tag, &names, "i", "s");
    }
    if (st == EXPO_OK) {
        st = expo_vault_user_keys(pk, sk, key, key, "i", "s");
    }
    if (st == EXPO_OK) {
        st = expo_vault_blob_new(&b, key, 1, &scan, &scan, EXPO_BLOB_VOLUME, 12,
                                 key);
    }
    if (st == EXPO_OK) {
        st = expo_vault_chunk_seal(&b, 0, 1, key, 32, sealed);
    }
    if (st == EXPO_OK) {
        st = expo_vault_chunk_open(&b, 0, 1, sealed, 48, plain);
    }

    return st;
}

static expo_status_t
opens(void)
{
    char error[256];
    expo_store_t *s;
    expo_status_t st;

    st = expo_store_open(dir, 0, &s, error, sizeof(error));
    if (st == EXPO_OK) {
        expo_store_close(s);
    }

    return st;
}

static expo_status_t
lists(void)
{
    expo_scan_t *list;
    expo_status_t st;
    size_t n;

    st = expo_store_scans(store, user.tag, 1, &list, &n);
    if (st == EXPO_OK) {
        st = n == 1 ? EXPO_OK : EXPO_CORRUPT;
        while (n > 0) {
            expo_store_scan_free(&list[--n]);
        }
        free(list);
    }

    return st;
}

static expo_status_t
adds(expo_id_t *id)
{
    expo_scan_t added = {.epoch = 1, .revision = 1};
    uint8_t file[EXPO_BLOB_HEADER + 16] = {0};
    expo_blob_file_t f;
    expo_blob_t b;
    expo_id_t blob;
    expo_status_t st;

    randombytes_buf(id, sizeof(*id));
    randombytes_buf(&blob, sizeof(blob));
    added.id = *id;

    st = expo_vault_blob_new(&b, user.salt, 1, id, &blob, EXPO_BLOB_ORIGINAL,
                             12, user.salt);
    if (st == EXPO_OK) {
        st = expo_store_blob_create(store, &blob, EXPO_BLOB_ORIGINAL, &f);
    }
    if (st != EXPO_OK) {
        return st;
    }

    memcpy(file, b.header, EXPO_BLOB_HEADER);
    f.bytes = (uint64_t) write(f.fd, file, sizeof(file));
    st = expo_store_scan_add(store, user.tag, &added, &f);
    close(f.fd);

    return st;
}

static expo_status_t
adds_and_deletes(void)
{
    expo_id_t id;
    expo_status_t st;

    st = adds(&id);

    if (st == EXPO_OK) {
        st = expo_store_scan_delete(store, &id, 20001);
        if (st != EXPO_OK) {
            expo_store_scan_delete(store, &id, 20001);
        }
    }

    return st;
}

static void
say(void *data, const char *what)
{
    (void) data;
    printf("# %s\n", what);
}

static int
remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
    (void) sb;
    (void) type;
    (void) ftw;

    return remove(path);
}

static void
begin(void)
{
    static const uint8_t jti[16];
    char error[256];
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());

    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    check(BIO_read(bio, pem, sizeof(pem) - 1) > 1000);
    BIO_free(bio);
    EVP_PKEY_free(key);

    check(expo_token_jwks(pem, strlen(pem), &set_text) == EXPO_OK);
    check(expo_token_issue(pem, strlen(pem), "i", "a", "s", 1000, 600, jti,
                           &token) == EXPO_OK);

    strcpy(dir, "/tmp/expo-memory-XXXXXX");
    check(mkdtemp(dir) != NULL);
    check(expo_store_open(dir, 1, &store, error, sizeof(error)) == EXPO_OK);
    user.quota_bytes = EXPO_QUOTA_DEFAULT;
    check(expo_store_user_add(store, &user, 1) == EXPO_OK);
}

int
main(void)
{
    uint32_t removed;

    hook();
    if (sodium_init() < 0) {
        return 1;
    }

    begin();
    check(run(verifies, "verify"));
    check(run(issues, "issue"));
    check(run(seals, "seal"));
    check(run(adds_and_deletes, "add and delete"));

    check(adds(&scan) == EXPO_OK);
    check(run(lists, "list"));

    check(expo_store_reap(store, 0, &removed) == EXPO_OK);
    check(expo_store_check(store, say, NULL) == EXPO_OK);
    check(run(opens, "open"));

    expo_store_close(store);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(set_text);
    free(token);

    return done();
}
