/*
 * As t/unit/memory.c, for what was built on it: questions to the vault, other
 * issuers, sharing, uploads in parts, configurations, erasing, the audit.
 */

#include "t/unit/memory.h"

#include "lib/audit.c"
#include "lib/keys.c"
#include "lib/keys_socket.c"
#include "lib/store.c"
#include "lib/store_audit.c"
#include "lib/store_blob.c"
#include "lib/store_configuration.c"
#include "lib/store_erase.c"
#include "lib/store_scan.c"
#include "lib/store_share.c"
#include "lib/store_upload.c"
#include "lib/trust.c"
#include "lib/vault_answer.c"

#include "t/unit/memory_run.h"

#include <ftw.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define NOW 1700000000

static char pem[4096], *set_text, *token;
static char dir[64];
static expo_store_t *store;
static expo_user_t ann, bob;
static expo_id_t scan;
static expo_vault_t vault;
static expo_trust_t *trust;
static expo_keys_t *keys;


static uint64_t
the_time(void)
{
    return NOW;
}

static expo_status_t
asks(void)
{
    expo_keys_user_t u = {token, strlen(token), ann.salt};
    expo_keys_box_t box = {.scan = scan, .epoch = 1, .role = EXPO_ROLE_OWNER};
    expo_lease_t lease, again;
    uint8_t sealed[EXPO_SEALED_KEY];
    expo_status_t st, opened = EXPO_OK;
    expo_blob_t b;

    st = expo_keys_create(keys, &u, &box, &lease);
    if (st == EXPO_OK) {
        st = expo_keys_unlock(keys, &u, &box, 1, &again, &opened);
    }
    st = st == EXPO_OK ? opened : st;
    if (st == EXPO_OK) {
        st = expo_keys_blob_new(keys, &again, &scan, EXPO_BLOB_VOLUME, 20, &b);
    }
    if (st == EXPO_OK) {
        st = expo_keys_grant(keys, &u, &box, bob.tag, bob.pk, EXPO_ROLE_VIEWER,
                             sealed);
    }

    return st;
}

static expo_status_t
greets(void)
{
    expo_keys_hello_t hello;
    expo_status_t st = expo_keys_hello(keys, &hello);

    if (st == EXPO_OK) {
        free(hello.jwks);
    }

    return st;
}

static expo_status_t
trusts(void)
{
    char error[128];
    expo_trust_t *t = NULL;
    expo_jwks_t *set;
    expo_claims_t claims;
    size_t entry;
    expo_status_t st;

    st = expo_trust_open(&t);
    if (st == EXPO_OK) {
        st = expo_trust_add(t, "i", "a", &entry);
    }
    if (st == EXPO_OK) {
        st = expo_jwks_load(set_text, strlen(set_text), &set, error,
                            sizeof(error));
    }
    if (st == EXPO_OK) {
        expo_trust_keys(t, entry, set);
        st = expo_trust_verify(t, NOW, token, strlen(token), &claims);
    }

    expo_trust_close(t);

    return st;
}

static expo_status_t
shares(void)
{
    expo_invitation_t i = {.scan = scan,
                           .role = EXPO_ROLE_VIEWER,
                           .epoch = 1,
                           .created_day = 20000,
                           .expires_at = NOW + 1,
                           .label_enc = (uint8_t *) "label",
                           .label_bytes = 5},
                      found;
    expo_permission_t *list;
    expo_status_t st;
    size_t n;

    randombytes_buf(&i.id, sizeof(i.id));

    st = expo_store_invitation_add(store, &i);
    if (st == EXPO_OK) {
        st = expo_store_invitation(store, &i.id, NOW, &found);
        if (st == EXPO_OK) {
            expo_store_invitation_free(&found);
            st =
                expo_store_invitation_redeem(store, &i, bob.tag, i.sealed, NOW);
        }
        if (st != EXPO_OK) {
            expo_store_invitation_delete(store, &scan, &i.id);
        }
    }
    if (st == EXPO_OK) {
        st = expo_store_permissions(store, &scan, NOW, &list, &n);
        if (st == EXPO_OK) {
            while (n > 0) {
                expo_store_permission_free(&list[--n]);
            }
            free(list);
        }
    }
    if (st == EXPO_OK) {
        st = expo_store_permission_delete(store, &scan, bob.tag);
    }

    return st;
}

static expo_status_t
configures(void)
{
    expo_configuration_t c = {.scan = scan,
                              .revision = 1,
                              .enc = (uint8_t *) "a view",
                              .enc_bytes = 6},
                         *list;
    expo_status_t st;
    size_t n;

    randombytes_buf(&c.id, sizeof(c.id));

    st = expo_store_configuration_add(store, &c, ann.tag);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_configurations(store, &scan, &list, &n);
    if (st == EXPO_OK) {
        while (n > 0) {
            expo_store_configuration_free(&list[--n]);
        }
        free(list);
        st = expo_store_configuration_delete(store, &c.id);
    }

    if (st != EXPO_OK) {
        expo_store_configuration_delete(store, &c.id);
    }

    return st;
}

/* An original, which is all that the store looks at: its header. */
static expo_status_t
original(const expo_id_t *id, expo_blob_file_t *f)
{
    uint8_t file[EXPO_BLOB_HEADER + EXPO_BLOB_TAG] = {0};
    expo_id_t blob;
    expo_blob_t b;
    expo_status_t st;

    randombytes_buf(&blob, sizeof(blob));

    st = expo_vault_blob_new(&b, ann.salt, 1, id, &blob, EXPO_BLOB_ORIGINAL, 12,
                             ann.salt);
    if (st == EXPO_OK) {
        st = expo_store_blob_create(store, &blob, EXPO_BLOB_ORIGINAL, f);
    }
    if (st == EXPO_OK) {
        memcpy(file, b.header, EXPO_BLOB_HEADER);
        f->bytes = (uint64_t) write(f->fd, file, sizeof(file));
    }

    return st;
}

static expo_status_t
uploads(void)
{
    expo_upload_t u = {.epoch = 1, .length = 100, .expires = NOW}, found;
    expo_blob_file_t f;
    expo_status_t st;

    randombytes_buf(&u.id, sizeof(u.id));

    st = original(&u.id, &f);
    if (st != EXPO_OK) {
        return st;
    }

    st = expo_store_upload_add(store, ann.tag, &u, &f);
    close(f.fd);
    if (st == EXPO_OK) {
        st = expo_store_upload(store, ann.tag, &u.id, &found);
        if (st == EXPO_OK) {
            expo_store_upload_free(&found);
            st = expo_store_upload_delete(store, ann.tag, &u.id);
        }
        if (st != EXPO_OK) {
            expo_store_upload_delete(store, ann.tag, &u.id);
        }
    }

    return st;
}

static expo_status_t
writes_a_line(void)
{
    expo_audit_t line = {
        .at = NOW, .verb = EXPO_AUDIT_SIGN_IN, .outcome = EXPO_AUDIT_PERMITTED};

    return expo_store_audit_append(store, keys, &line);
}

static expo_status_t
erases(void)
{
    expo_user_t gone = {.quota_bytes = 65536};
    expo_lost_t *lost;
    expo_status_t st;
    size_t n;

    randombytes_buf(gone.tag, sizeof(gone.tag));

    st = expo_store_user_add(store, &gone, 1);
    if (st == EXPO_OK) {
        st = expo_store_user_erase(store, gone.tag, 2, &lost, &n);
        free(lost);
    }

    return st;
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
begin_vault(void)
{
    static const uint8_t jti[16], master[32] = {1};
    char error[256];
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    expo_jwks_t *set;
    size_t entry;

    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    check(BIO_read(bio, pem, sizeof(pem) - 1) > 1000);
    BIO_free(bio);
    EVP_PKEY_free(key);

    check(expo_token_jwks(pem, strlen(pem), &set_text) == EXPO_OK);
    check(expo_token_issue(pem, strlen(pem), "i", "a", "ann", NOW, 600, jti,
                           &token) == EXPO_OK);
    check(expo_jwks_load(set_text, strlen(set_text), &set, error,
                         sizeof(error)) == EXPO_OK);
    check(expo_trust_open(&trust) == EXPO_OK);
    check(expo_trust_add(trust, "i", "a", &entry) == EXPO_OK);
    expo_trust_keys(trust, entry, set);

    check(expo_vault_start(&vault, master, 1) == EXPO_OK);
    vault.trust = trust;
    vault.pem = pem;
    vault.pem_bytes = strlen(pem);
    vault.jwks = set_text;
    vault.issuer = "i";
    vault.audience = "a";
    vault.now = the_time;
    vault.random = randombytes_buf;
    check(expo_keys_local(&keys, &vault) == EXPO_OK);
}

static void
begin_store(void)
{
    expo_scan_t added = {.epoch = 1, .revision = 1};
    expo_blob_file_t f;
    char error[256];

    strcpy(dir, "/tmp/expo-memory-XXXXXX");
    check(mkdtemp(dir) != NULL);
    check(expo_store_open(dir, 1, &store, error, sizeof(error)) == EXPO_OK);

    ann.quota_bytes = bob.quota_bytes = EXPO_QUOTA_DEFAULT;
    memset(bob.tag, 2, sizeof(bob.tag));
    crypto_scalarmult_base(bob.pk, (const uint8_t[32]){3});
    check(expo_store_user_add(store, &ann, 1) == EXPO_OK);
    check(expo_store_user_add(store, &bob, 1) == EXPO_OK);

    randombytes_buf(&scan, sizeof(scan));
    added.id = scan;
    check(original(&scan, &f) == EXPO_OK);
    check(expo_store_scan_add(store, ann.tag, &added, &f) == EXPO_OK);
    close(f.fd);
}

int
main(void)
{
    hook();
    if (sodium_init() < 0) {
        return 1;
    }

    begin_vault();
    begin_store();
    check(run(greets, "hello"));
    check(run(asks, "questions about a scan"));
    check(run(trusts, "trust"));
    check(run(shares, "share"));
    check(run(configures, "configurations"));
    check(run(uploads, "upload in parts"));
    check(run(writes_a_line, "audit"));
    check(run(erases, "erase"));

    expo_store_close(store);
    expo_keys_close(keys);
    expo_trust_close(trust);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(set_text);
    free(token);

    return done();
}
