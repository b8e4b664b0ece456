/* A scan under a new key: the same to whoever may, and nothing of the old. */

#include "t/unit/store.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "lib/renew.c"
#include "lib/vault_answer.h"

#define ISS "https://issuer.example/"
#define AUD "an-audience"
#define NOW 1700000000ull
#define CHUNK (1u << 12)

static expo_vault_t vault;
static expo_keys_t *keys;
static char pem[4096];

typedef struct {
    expo_user_t row;
    char *token;
    expo_keys_user_t asks;
} person_t;
static person_t owner, guest;

static expo_scan_t scan;
static expo_id_t configuration;
static uint8_t volume[3 * CHUNK + 77];


static uint64_t
the_time(void)
{
    return NOW;
}

static void
start_vault(void)
{
    static const uint8_t master[32] = {1};
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    char why[256], *jwks;
    expo_trust_t *trust;
    expo_jwks_t *set;
    size_t entry;

    PEM_write_bio_PrivateKey(bio, rsa, NULL, NULL, 0, NULL, NULL);
    pem[BIO_read(bio, pem, sizeof(pem) - 1)] = '\0';
    BIO_free(bio);
    EVP_PKEY_free(rsa);

    check(expo_token_jwks(pem, strlen(pem), &jwks) == EXPO_OK);
    check(expo_jwks_load(jwks, strlen(jwks), &set, why, sizeof(why)) ==
          EXPO_OK);
    check(expo_trust_open(&trust) == EXPO_OK &&
          expo_trust_add(trust, ISS, AUD, &entry) == EXPO_OK);
    expo_trust_keys(trust, entry, set);

    check(expo_vault_start(&vault, master, 1) == EXPO_OK);
    vault.trust = trust;
    vault.issuer = ISS;
    vault.audience = AUD;
    vault.pem = pem;
    vault.pem_bytes = strlen(pem);
    vault.jwks = jwks;
    vault.now = the_time;
    vault.random = randombytes_buf;
    check(expo_keys_local(&keys, &vault) == EXPO_OK);
}

static void
add_person(person_t *p, const char *sub)
{
    memset(p, 0, sizeof(*p));
    check(expo_keys_sign(keys, sub, 3600, &p->token) == EXPO_OK);
    randombytes_buf(p->row.salt, sizeof(p->row.salt));
    p->asks = (expo_keys_user_t){p->token, strlen(p->token), p->row.salt};
    check(expo_keys_user(keys, &p->asks, p->row.tag, p->row.pk) == EXPO_OK);
    check(expo_store_user_add(s, &p->row, 100) == EXPO_OK);
}

static uint8_t *
sealed_text(const expo_lease_t *lease, const char *table, const expo_id_t *row,
            uint32_t revision, const char *text, size_t *len)
{
    expo_keys_meta_t m = {
        .lease = lease, .table = table, .row = *row, .revision = revision};
    uint8_t *bytes;

    *len = strlen(text) + EXPO_META_SALT + EXPO_BLOB_TAG;
    bytes = malloc(*len);
    randombytes_buf(m.salt, sizeof(m.salt));
    check(expo_keys_meta(keys, &m, 1) == EXPO_OK && m.status == EXPO_OK);
    check(expo_vault_meta_seal(bytes, m.key, m.salt, (const uint8_t *) text,
                               strlen(text)) == EXPO_OK);

    return bytes;
}

static int
opens_to(const expo_lease_t *lease, const char *table, const expo_id_t *row,
         uint32_t revision, const uint8_t *bytes, size_t len, const char *text)
{
    expo_keys_meta_t m = {
        .lease = lease, .table = table, .row = *row, .revision = revision};
    uint8_t plain[64];

    memcpy(m.salt, bytes, EXPO_META_SALT);

    return expo_keys_meta(keys, &m, 1) == EXPO_OK && m.status == EXPO_OK &&
           expo_vault_meta_open(plain, m.key, bytes, len) == EXPO_OK &&
           len - 48 == strlen(text) && memcmp(plain, text, len - 48) == 0;
}

static expo_blob_file_t
sealed_blob(const expo_lease_t *lease, expo_blob_kind_t kind,
            const uint8_t *plain, size_t len)
{
    uint8_t chunk[CHUNK + 16];
    expo_blob_file_t f;
    expo_id_t id = fresh_id();
    expo_blob_t b;
    uint64_t at = EXPO_BLOB_HEADER;

    check(expo_keys_blob_new(keys, lease, &id, kind, 12, &b) == EXPO_OK);
    check(expo_store_blob_create(s, &id, kind, &f) == EXPO_OK);
    check(pwrite(f.fd, b.header, EXPO_BLOB_HEADER, 0) == EXPO_BLOB_HEADER);

    for (uint64_t i = 0; i * CHUNK < len; i++) {
        size_t n = len - i * CHUNK < CHUNK ? len - i * CHUNK : CHUNK;

        check(expo_vault_chunk_seal(&b, i, (i + 1) * CHUNK >= len,
                                    plain + i * CHUNK, n, chunk) == EXPO_OK);
        check(pwrite(f.fd, chunk, n + 16, (off_t) at) == (ssize_t) n + 16);
        at += n + 16;
    }
    f.bytes = at;

    return f;
}

/* A ready scan with everything, and a guest who has it. */
static void
put_scan(void)
{
    expo_keys_box_t box = {.epoch = 1, .role = EXPO_ROLE_OWNER};
    expo_blob_file_t original, v, t;
    expo_configuration_t c = {.revision = 4};
    expo_invitation_t i = {
        .role = EXPO_ROLE_EDITOR, .epoch = 1, .expires_at = NOW + 9};
    uint8_t sealed[EXPO_SEALED_KEY];
    expo_lease_t lease;

    memset(&scan, 0, sizeof(scan));
    box.scan = scan.id = i.scan = c.scan = fresh_id();
    check(expo_keys_create(keys, &owner.asks, &box, &lease) == EXPO_OK);
    memcpy(scan.sealed, box.sealed, sizeof(scan.sealed));
    scan.epoch = scan.revision = 1;
    scan.meta =
        sealed_text(&lease, "scans", &scan.id, 1, "first", &scan.meta_bytes);

    original = sealed_blob(&lease, EXPO_BLOB_ORIGINAL, volume, 10);
    check(expo_store_scan_add(s, owner.row.tag, &scan, &original) == EXPO_OK);
    close(original.fd);
    expo_store_scan_free(&scan);

    randombytes_buf(volume, sizeof(volume));
    v = sealed_blob(&lease, EXPO_BLOB_VOLUME, volume, sizeof(volume));
    t = sealed_blob(&lease, EXPO_BLOB_THUMBNAIL, volume, 100);
    scan.meta =
        sealed_text(&lease, "scans", &scan.id, 2, "a title", &scan.meta_bytes);
    check(expo_store_scan_ready(s, &scan.id, &v, &t, 2, scan.meta,
                                scan.meta_bytes) == EXPO_OK);
    expo_store_scan_free(&scan);
    close(v.fd);
    close(t.fd);

    configuration = c.id = fresh_id();
    c.enc = sealed_text(&lease, "configurations", &c.id, 4, "settings",
                        &c.enc_bytes);
    check(expo_store_configuration_add(s, &c, owner.row.tag) == EXPO_OK);
    expo_store_configuration_free(&c);

    i.id = fresh_id();
    check(expo_keys_grant(keys, &owner.asks, &box, guest.row.tag, guest.row.pk,
                          EXPO_ROLE_EDITOR, sealed) == EXPO_OK);
    i.label_enc = sealed_text(&lease, EXPO_LABEL_TABLE, &i.id,
                              EXPO_LABEL_REVISION, "label", &i.label_bytes);
    check(expo_store_invitation_add(s, &i) == EXPO_OK);
    check(expo_store_invitation_redeem(s, &i, guest.row.tag, sealed, NOW) ==
          EXPO_OK);
    expo_store_invitation_free(&i);

    check(expo_store_scan(s, owner.row.tag, &scan.id, NOW, &scan) == EXPO_OK);
}

static void
begin_renewal(void)
{
    begin();
    faults_arm(0, 0);
    add_person(&owner, "owner");
    add_person(&guest, "guest");
    put_scan();
}

static void
end_renewal(void)
{
    expo_store_scan_free(&scan);
    free(owner.token);
    free(guest.token);
    end();
}

static expo_status_t
renew(const person_t *p)
{
    const expo_renew_t r = {.store = s,
                            .keys = keys,
                            .user = &p->asks,
                            .tag = p->row.tag,
                            .now = NOW,
                            .random = randombytes_buf};

    return expo_renew_scan(&r, &scan);
}

static expo_status_t
lease_of(const person_t *p, expo_scan_t *found, expo_lease_t *lease)
{
    expo_keys_box_t box;
    expo_status_t st;

    check(expo_store_scan(s, p->row.tag, &scan.id, NOW, found) == EXPO_OK);
    box.scan = found->id;
    box.epoch = found->epoch;
    box.role = found->role;
    memcpy(box.sealed, found->sealed, sizeof(box.sealed));
    check(expo_keys_unlock(keys, &p->asks, &box, 1, lease, &st) == EXPO_OK);

    return st;
}

static int
volume_is_there(const expo_lease_t *lease)
{
    uint8_t header[EXPO_BLOB_HEADER], chunk[CHUNK + 16];
    uint64_t bytes, plain, chunks, same = 0;
    expo_blob_t b;
    expo_id_t id;
    int fd;

    check(expo_store_blob_open(s, &scan.id, EXPO_BLOB_VOLUME, &id, &fd,
                               &bytes) == EXPO_OK);
    if (pread(fd, header, sizeof(header), 0) != sizeof(header) ||
        expo_keys_blob_open(keys, lease, header, &id, EXPO_BLOB_VOLUME, &b) !=
            EXPO_OK ||
        expo_vault_blob_length(&b, bytes, &plain, &chunks) != EXPO_OK) {
        close(fd);
        return 0;
    }

    for (uint64_t i = 0; i < chunks; i++) {
        ssize_t n = pread(fd, chunk, sizeof(chunk),
                          (off_t) (EXPO_BLOB_HEADER + i * sizeof(chunk)));

        same += expo_vault_chunk_open(&b, i, i == chunks - 1, chunk, (size_t) n,
                                      chunk) == EXPO_OK &&
                memcmp(chunk, volume + i * CHUNK, (size_t) n - 16) == 0;
    }
    close(fd);

    return plain == sizeof(volume) && same == chunks && chunks == 4;
}

static void
all_is_the_same_under_another_key(void)
{
    expo_lease_t old, lease;
    expo_configuration_t c;
    expo_permission_t *ps;
    expo_scan_t found;
    size_t n;

    begin_renewal();
    check(lease_of(&owner, &found, &old) == EXPO_OK);
    check(volume_is_there(&old) && found.epoch == 1);
    expo_store_scan_free(&found);

    check(renew(&owner) == EXPO_OK);
    check(is_clean() && files() == 2);

    check(lease_of(&guest, &found, &lease) == EXPO_OK);
    check(found.epoch == 2 && volume_is_there(&lease));
    expo_store_scan_free(&found);

    check(lease_of(&owner, &found, &lease) == EXPO_OK);
    check(found.epoch == 2 && found.revision == 3);
    check(volume_is_there(&lease) && !volume_is_there(&old));
    check(opens_to(&lease, "scans", &scan.id, 3, found.meta, found.meta_bytes,
                   "a title"));
    check(!opens_to(&old, "scans", &scan.id, 3, found.meta, found.meta_bytes,
                    "a title"));
    expo_store_scan_free(&found);

    check(expo_store_configuration(s, &configuration, &c) == EXPO_OK);
    check(c.revision == 5 && opens_to(&lease, "configurations", &c.id, 5, c.enc,
                                      c.enc_bytes, "settings"));
    expo_store_configuration_free(&c);

    check(expo_store_permissions(s, &scan.id, NOW, &ps, &n) == EXPO_OK &&
          n == 1);
    check(opens_to(&lease, EXPO_LABEL_TABLE, &ps[0].label_id,
                   EXPO_LABEL_REVISION, ps[0].label_enc, ps[0].label_bytes,
                   "label"));
    expo_store_permission_free(&ps[0]);
    free(ps);

    /* And again, from there. */
    expo_store_scan_free(&scan);
    check(expo_store_scan(s, owner.row.tag, &scan.id, NOW, &scan) == EXPO_OK);
    check(renew(&owner) == EXPO_OK && is_clean());

    end_renewal();
}

static void
only_its_owner_as_it_is_now_renews_it(void)
{
    expo_scan_t found;
    expo_lease_t lease;

    begin_renewal();

    check(renew(&guest) != EXPO_OK);
    scan.state = EXPO_SCAN_IMPORTING;
    check(renew(&owner) == EXPO_CONFLICT);
    scan.state = EXPO_SCAN_READY;
    check(expo_store_run(s, "UPDATE configurations SET revision = 9", "") ==
          EXPO_OK);
    check(renew(&owner) == EXPO_CORRUPT); /* sealed as another revision */
    check(expo_store_run(s, "UPDATE configurations SET revision = 4", "") ==
          EXPO_OK);
    check(expo_store_run(s, "UPDATE scans SET attempts = 1", "") == EXPO_OK);

    check(lease_of(&guest, &found, &lease) == EXPO_OK);
    check(found.epoch == 1 && volume_is_there(&lease) && files() == 2);
    expo_store_scan_free(&found);

    check(renew(&owner) == EXPO_OK);
    check(renew(&owner) == EXPO_CONFLICT); /* `scan` is from before */
    check(files() == 2 && is_clean());

    end_renewal();
}

static void
a_damaged_volume_stays_as_it_is(void)
{
    expo_id_t id;
    uint64_t bytes;
    char path[256], name[EXPO_ID_TEXT + 1];
    int fd;

    begin_renewal();
    check(expo_store_blob_open(s, &scan.id, EXPO_BLOB_VOLUME, &id, &fd,
                               &bytes) == EXPO_OK);
    close(fd);
    expo_id_print(name, &id);
    snprintf(path, sizeof(path), "%s/blobs/%s", dir, name);
    fd = open(path, O_RDWR);
    check(pwrite(fd, "XXXXXXXX", 8, 9000) == 8);
    close(fd);

    check(renew(&owner) == EXPO_CORRUPT);
    check(files() == 2 && is_clean());

    end_renewal();
}

static void
any_failing_call_leaves_the_old_key_or_the_new(void)
{
    int calls, wrong = 0, refused = 0;

    begin_renewal();
    faults_arm(0, 0);
    check(renew(&owner) == EXPO_OK);
    calls = faults_seen;
    end_renewal();

    for (int i = 1; i <= calls; i++) {
        expo_scan_t found;
        expo_lease_t lease;
        uint32_t removed;
        expo_status_t st;

        begin_renewal();
        faults_arm(i, ENOSPC);
        st = renew(&owner);
        faults_arm(0, 0);
        refused += st != EXPO_OK;

        if (expo_store_reap(s, NOW, &removed) != EXPO_OK || !is_clean() ||
            lease_of(&guest, &found, &lease) != EXPO_OK ||
            found.epoch != (st == EXPO_OK ? 2 : 1) ||
            !volume_is_there(&lease)) {
            printf("# call %d: %s, epoch %u\n", i, expo_status_name(st),
                   found.epoch);
            wrong++;
        }
        expo_store_scan_free(&found);
        end_renewal();
    }

    check(calls > 10 && refused > 5 && wrong == 0);
}

int
main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }

    start_vault();
    all_is_the_same_under_another_key();
    only_its_owner_as_it_is_now_renews_it();
    a_damaged_volume_stays_as_it_is();
    any_failing_call_leaves_the_old_key_or_the_new();
    expo_keys_close(keys);

    return done();
}
