/*
 * Every question to the vault: what is right is answered, what is not the
 * asker's is not, and no bytes do harm.
 */

#include "lib/vault_answer.c"
#include "lib/vault_wire.c"

/* What was asked last, as bytes. */
static uint8_t asked[EXPO_VAULT_QUESTION];
static size_t asked_bytes;
static size_t recorded_answer(expo_vault_t *v, const uint8_t *question,
                              size_t len, uint8_t answer[EXPO_VAULT_ANSWER]);

#define expo_vault_answer recorded_answer
#include "lib/keys.c"
#undef expo_vault_answer
#include "lib/keys_socket.c"

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "t/unit/check.h"

#define ISS "https://issuer.example/"
#define AUD "an-audience"
#define OTHER "https://other.example/"

static expo_vault_t vault, other_vault;
static expo_trust_t *trust;
static expo_keys_t *k, *other_k;
static char pem[4096], *jwks;
static uint64_t now = 1700000000;

static char *alice_token, *bob_token;
static uint8_t salt[32] = {1}, bob_salt[32] = {2};
static expo_keys_user_t alice, bob;
static uint8_t alice_tag[EXPO_TAG], alice_pk[32], bob_tag[EXPO_TAG], bob_pk[32];

static expo_keys_box_t box = {
    .scan = {{7}}, .epoch = 1, .role = EXPO_ROLE_OWNER};
static expo_lease_t lease;


static size_t
recorded_answer(expo_vault_t *v, const uint8_t *question, size_t len,
                uint8_t answer[EXPO_VAULT_ANSWER])
{
    memcpy(asked, question, len);
    asked_bytes = len;

    return expo_vault_answer(v, question, len, answer);
}

static uint64_t
the_time(void)
{
    return now;
}

static void
set_up(expo_vault_t *v, expo_keys_t **out, uint8_t first)
{
    uint8_t master[32] = {first};

    check(expo_vault_start(v, master, 3) == EXPO_OK);
    v->trust = trust;
    v->issuer = ISS;
    v->audience = AUD;
    v->pem = pem;
    v->pem_bytes = strlen(pem);
    v->jwks = jwks;
    v->now = the_time;
    v->random = randombytes_buf;
    strcpy(v->protection, "same-disk");
    check(expo_keys_local(out, v) == EXPO_OK);
}

static void
begin(void)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    char error[256];
    expo_jwks_t *keys;
    size_t entry;

    PEM_write_bio_PrivateKey(bio, rsa, NULL, NULL, 0, NULL, NULL);
    pem[BIO_read(bio, pem, sizeof(pem) - 1)] = '\0';
    BIO_free(bio);
    EVP_PKEY_free(rsa);

    check(expo_token_jwks(pem, strlen(pem), &jwks) == EXPO_OK);
    check(expo_jwks_load(jwks, strlen(jwks), &keys, error, sizeof(error)) ==
          EXPO_OK);
    check(expo_trust_open(&trust) == EXPO_OK &&
          expo_trust_add(trust, ISS, AUD, &entry) == EXPO_OK);
    expo_trust_keys(trust, entry, keys);

    set_up(&vault, &k, 1);
    set_up(&other_vault, &other_k, 2);

    check(expo_keys_sign(k, "alice", 3600, &alice_token) == EXPO_OK);
    check(expo_keys_sign(k, "bob", 3600, &bob_token) == EXPO_OK);
    alice = (expo_keys_user_t){alice_token, strlen(alice_token), salt};
    bob = (expo_keys_user_t){bob_token, strlen(bob_token), bob_salt};
}

static void
hello_gives_names_and_public_keys_and_no_master(void)
{
    expo_keys_hello_t hello;
    uint8_t tag[EXPO_TAG];
    int secrets = 0;

    check(expo_keys_hello(k, &hello) == EXPO_OK);
    check(hello.master_no == 3);
    check(strcmp(hello.jwks, jwks) == 0);
    check(strcmp(hello.protection, "same-disk") == 0);

    check(expo_vault_user_tag(tag, hello.names, ISS, "alice") == EXPO_OK);
    check(expo_keys_user(k, &alice, alice_tag, alice_pk) == EXPO_OK);
    check(memcmp(tag, alice_tag, sizeof(tag)) == 0);
    check(expo_keys_user(k, &bob, bob_tag, bob_pk) == EXPO_OK);
    check(memcmp(bob_tag, alice_tag, sizeof(tag)) != 0);

    for (size_t i = 0; i + 32 <= sizeof(hello); i++) {
        secrets +=
            memcmp((uint8_t *) &hello + i, vault.secrets[0].master, 32) == 0;
        secrets +=
            memcmp((uint8_t *) &hello + i, vault.secrets[0].lease, 32) == 0;
        secrets += memcmp((uint8_t *) &hello + i, vault.audit, 32) == 0;
    }
    check(secrets == 0);

    free(hello.jwks);
}

static void
only_its_token_makes_somebody(void)
{
    uint8_t tag[EXPO_TAG], pk[32];
    expo_keys_user_t u = alice;
    char *foreign;

    u.token_bytes--;
    check(expo_keys_user(k, &u, tag, pk) == EXPO_DENIED);

    check(expo_token_issue(pem, strlen(pem), ISS, "another", "alice", now, 60,
                           salt, &foreign) == EXPO_OK);
    u.token = foreign;
    u.token_bytes = strlen(foreign);
    check(expo_keys_user(k, &u, tag, pk) == EXPO_DENIED);
    free(foreign);

    check(expo_token_issue(pem, strlen(pem), "https://other/", AUD, "alice",
                           now, 60, salt, &foreign) == EXPO_OK);
    u.token = foreign;
    u.token_bytes = strlen(foreign);
    check(expo_keys_user(k, &u, tag, pk) == EXPO_DENIED);
    free(foreign);

    now += 3661;
    check(expo_keys_user(k, &alice, tag, pk) == EXPO_EXPIRED);
    check(expo_keys_unlock(k, &alice, &box, 1, &lease, &(expo_status_t){0}) ==
          EXPO_EXPIRED);
    now -= 3661;

    check(expo_keys_sign(k, "", 60, &foreign) == EXPO_INVALID);
    check(expo_keys_sign(k, "a", 0, &foreign) == EXPO_INVALID);
    check(expo_keys_sign(k, "a", 86401, &foreign) == EXPO_INVALID);
    vault.pem = NULL;
    check(expo_keys_sign(k, "a", 60, &foreign) == EXPO_UNSUPPORTED);
    vault.pem = pem;
}

static void
a_box_opens_for_its_user_alone(void)
{
    expo_keys_box_t boxes[3], viewer = box;
    expo_lease_t leases[3];
    expo_status_t statuses[3];

    check(expo_keys_create(k, &alice, &box, &lease) == EXPO_OK);
    viewer.role = EXPO_ROLE_VIEWER;
    check(expo_keys_create(k, &alice, &viewer, leases) == EXPO_INVALID);

    boxes[0] = boxes[1] = boxes[2] = box;
    boxes[1].role = EXPO_ROLE_VIEWER;
    boxes[2].sealed[50] ^= 1;
    check(expo_keys_unlock(k, &alice, boxes, 3, leases, statuses) == EXPO_OK);
    check(statuses[0] == EXPO_OK && statuses[1] == EXPO_CORRUPT &&
          statuses[2] == EXPO_CORRUPT);

    check(expo_keys_unlock(k, &bob, boxes, 1, leases, statuses) == EXPO_OK);
    check(statuses[0] == EXPO_CORRUPT);
    check(expo_keys_unlock(k, &alice, boxes, 0, leases, statuses) == EXPO_OK);
    check(expo_keys_unlock(k, &alice, boxes, EXPO_KEYS_BATCH + 1, leases,
                           statuses) == EXPO_INVALID);
}

static void
a_lease_is_read_by_its_vault_for_a_day(void)
{
    expo_id_t id = {{9}};
    expo_blob_t made, opened;
    expo_lease_t bad;
    int read = 0;

    check(expo_keys_blob_new(k, &lease, &id, EXPO_BLOB_VOLUME, 20, &made) ==
          EXPO_OK);
    check(expo_keys_blob_open(k, &lease, made.header, &id, EXPO_BLOB_VOLUME,
                              &opened) == EXPO_OK);
    check(memcmp(&made, &opened, sizeof(made)) == 0);
    check(expo_keys_blob_open(k, &lease, made.header, &id, EXPO_BLOB_ORIGINAL,
                              &opened) == EXPO_CORRUPT);
    check(expo_keys_blob_open(k, &lease, made.header, &box.scan,
                              EXPO_BLOB_VOLUME, &opened) == EXPO_CORRUPT);
    check(expo_keys_blob_new(k, &lease, &id, EXPO_BLOB_VOLUME, 2, &made) ==
          EXPO_INVALID);

    for (int bit = 0; bit < EXPO_LEASE * 8; bit++) {
        bad = lease;
        bad.b[bit / 8] ^= (uint8_t) (1 << bit % 8);
        read += expo_keys_blob_open(k, &bad, made.header, &id, EXPO_BLOB_VOLUME,
                                    &opened) != EXPO_CORRUPT;
    }
    check(read == 0);
    check(expo_keys_blob_open(other_k, &lease, made.header, &id,
                              EXPO_BLOB_VOLUME, &opened) == EXPO_CORRUPT);

    now += EXPO_LEASE_S;
    check(expo_keys_blob_open(k, &lease, made.header, &id, EXPO_BLOB_VOLUME,
                              &opened) == EXPO_EXPIRED);
    now -= EXPO_LEASE_S;
}

static void
small_things_have_keys_of_their_places(void)
{
    expo_keys_meta_t metas[EXPO_KEYS_BATCH] = {0};
    uint8_t dek[32], key[32];
    expo_lease_t bad = lease;
    lease_t l;

    bad.b[40] ^= 1;

    for (size_t i = 0; i < EXPO_KEYS_BATCH; i++) {
        metas[i].lease = i == 5 ? &bad : &lease;
        metas[i].table = "scans";
        metas[i].row.b[0] = (uint8_t) i;
        metas[i].revision = 4;
    }

    check(expo_keys_meta(k, metas, EXPO_KEYS_BATCH) == EXPO_OK);
    check(metas[5].status == EXPO_CORRUPT && metas[6].status == EXPO_OK);

    check(lease_read(&vault, &lease, &l) == EXPO_OK);
    memcpy(dek, l.dek, sizeof(dek));
    check(expo_vault_meta_key(key, dek, &box.scan, "scans", &metas[6].row, 4,
                              metas[6].salt) == EXPO_OK);
    check(memcmp(key, metas[6].key, sizeof(key)) == 0);

    metas[0].table = "";
    check(expo_keys_meta(k, metas, 1) == EXPO_OK &&
          metas[0].status == EXPO_INVALID);
    check(expo_keys_meta(k, metas, EXPO_KEYS_BATCH + 1) == EXPO_INVALID);
}

static void
an_owner_grants_and_nobody_else(void)
{
    expo_keys_box_t theirs = box;
    uint8_t sealed[EXPO_SEALED_KEY];
    expo_lease_t granted;
    expo_status_t st;
    expo_blob_t b;

    theirs.role = EXPO_ROLE_VIEWER;

    check(expo_keys_grant(k, &alice, &box, bob_tag, bob_pk, EXPO_ROLE_VIEWER,
                          theirs.sealed) == EXPO_OK);
    check(expo_keys_unlock(k, &bob, &theirs, 1, &granted, &st) == EXPO_OK &&
          st == EXPO_OK);

    /* opens what is there, makes nothing new, and hands nothing on */
    check(expo_keys_blob_new(k, &granted, &box.scan, EXPO_BLOB_VOLUME, 20,
                             &b) == EXPO_DENIED);
    check(expo_keys_grant(k, &bob, &theirs, alice_tag, alice_pk,
                          EXPO_ROLE_VIEWER, sealed) == EXPO_DENIED);

    theirs.role = EXPO_ROLE_OWNER;
    check(expo_keys_grant(k, &bob, &theirs, alice_tag, alice_pk,
                          EXPO_ROLE_VIEWER, sealed) == EXPO_CORRUPT);
    check(expo_keys_grant(k, &bob, &box, bob_tag, bob_pk, EXPO_ROLE_EDITOR,
                          sealed) == EXPO_CORRUPT);
    check(expo_keys_grant(k, &alice, &box, bob_tag, bob_pk, EXPO_ROLE_OWNER,
                          sealed) == EXPO_INVALID);
}

static void
an_invitation_opens_with_its_secret(void)
{
    uint8_t secret[EXPO_INVITE_SECRET] = {5}, wrong[EXPO_INVITE_SECRET] = {6};
    uint8_t its_salt[32], its_pk[32];
    expo_keys_box_t theirs = box, kept;
    expo_lease_t granted;
    expo_status_t st;

    theirs.role = EXPO_ROLE_EDITOR;
    check(expo_keys_invite(k, &alice, &box, EXPO_ROLE_EDITOR, secret, its_salt,
                           its_pk, theirs.sealed) == EXPO_OK);
    kept = theirs;

    check(expo_keys_redeem(k, &bob, wrong, its_salt, its_pk, &theirs) ==
          EXPO_DENIED);
    theirs.role = EXPO_ROLE_VIEWER;
    check(expo_keys_redeem(k, &bob, secret, its_salt, its_pk, &theirs) ==
          EXPO_CORRUPT);
    theirs.role = EXPO_ROLE_OWNER;
    check(expo_keys_redeem(k, &bob, secret, its_salt, its_pk, &theirs) ==
          EXPO_INVALID);
    check(memcmp(theirs.sealed, kept.sealed, sizeof(kept.sealed)) == 0);

    theirs = kept;
    check(expo_keys_redeem(k, &bob, secret, its_salt, its_pk, &theirs) ==
          EXPO_OK);
    check(expo_keys_unlock(k, &bob, &theirs, 1, &granted, &st) == EXPO_OK &&
          st == EXPO_OK);
    check(expo_keys_unlock(k, &alice, &theirs, 1, &granted, &st) == EXPO_OK &&
          st == EXPO_CORRUPT);
    check(expo_keys_invite(k, &bob, &theirs, EXPO_ROLE_VIEWER, secret, its_salt,
                           its_pk, kept.sealed) == EXPO_DENIED);
}

static void
a_key_anew_shuts_out_who_is_not_named(void)
{
    expo_keys_grantee_t to[2] = {{.role = EXPO_ROLE_VIEWER},
                                 {.role = EXPO_ROLE_EDITOR}};
    expo_keys_box_t renewed = box, theirs;
    expo_lease_t fresh, got;
    expo_status_t st;
    lease_t a, b;

    memcpy(to[0].tag, bob_tag, EXPO_TAG);
    memcpy(to[0].pk, bob_pk, 32);
    memcpy(to[1].tag, alice_tag, EXPO_TAG);
    memcpy(to[1].pk, alice_pk, 32);

    check(expo_keys_renew(k, &alice, &renewed, to, 2, &fresh) == EXPO_OK);
    check(renewed.epoch == box.epoch + 1);
    check(expo_keys_unlock(k, &alice, &renewed, 1, &got, &st) == EXPO_OK &&
          st == EXPO_OK);
    check(lease_read(&vault, &lease, &a) == EXPO_OK &&
          lease_read(&vault, &got, &b) == EXPO_OK &&
          memcmp(a.dek, b.dek, 32) != 0);

    theirs = renewed;
    theirs.role = EXPO_ROLE_VIEWER;
    memcpy(theirs.sealed, to[0].sealed, EXPO_SEALED_KEY);
    check(expo_keys_unlock(k, &bob, &theirs, 1, &got, &st) == EXPO_OK &&
          st == EXPO_OK);

    to[1].role = EXPO_ROLE_OWNER;
    check(expo_keys_renew(k, &alice, &renewed, to, 2, &fresh) == EXPO_INVALID);
    check(expo_keys_renew(k, &bob, &theirs, to, 0, &fresh) == EXPO_DENIED);
    check(expo_keys_renew(k, &alice, &renewed, to, EXPO_KEYS_GRANTS + 1,
                          &fresh) == EXPO_INVALID);
}

static void
a_chain_hangs_on_what_was_before(void)
{
    uint8_t zero[32] = {0}, a[32], b[32], c[32];
    uint8_t record[EXPO_VAULT_RECORD + 1] = {1};

    check(expo_keys_audit(k, zero, record, 10, a) == EXPO_OK);
    check(expo_keys_audit(k, a, record, 10, b) == EXPO_OK);
    check(expo_keys_audit(k, zero, record, 10, c) == EXPO_OK);
    check(memcmp(a, b, 32) != 0 && memcmp(a, c, 32) == 0);
    check(expo_keys_audit(k, zero, record, 11, c) == EXPO_OK &&
          memcmp(a, c, 32) != 0);
    check(expo_keys_audit(other_k, zero, record, 10, c) == EXPO_OK &&
          memcmp(a, c, 32) != 0);
    check(expo_keys_audit(k, zero, record, EXPO_VAULT_RECORD, a) == EXPO_OK);
    check(expo_keys_audit(k, zero, record, EXPO_VAULT_RECORD + 1, a) ==
          EXPO_INVALID);
    check(expo_keys_audit(k, zero, record, 0, a) == EXPO_INVALID);
}

static void
other_issuers_keys_come_from_who_asks_if_the_vault_allows_it(void)
{
    uint8_t tag[EXPO_TAG], pk[32];
    const uint8_t *json = (const uint8_t *) jwks;
    size_t entry, len = strlen(jwks);
    expo_keys_user_t u = alice;
    char *token;

    check(expo_token_issue(pem, strlen(pem), OTHER, AUD, "carol", now, 60, salt,
                           &token) == EXPO_OK);
    u.token = token;
    u.token_bytes = strlen(token);

    check(expo_keys_jwks(k, OTHER, json, len) == EXPO_NOT_FOUND);
    check(expo_keys_jwks(k, ISS, json, len) == EXPO_NOT_FOUND);
    check(expo_keys_user(k, &u, tag, pk) == EXPO_DENIED);

    check(expo_trust_add(trust, OTHER, AUD, &entry) == EXPO_OK);
    vault.fed = UINT32_C(1) << entry;
    check(expo_keys_jwks(k, OTHER, json, 1) == EXPO_INVALID);
    check(expo_keys_jwks(k, ISS, json, len) == EXPO_NOT_FOUND);
    check(expo_keys_jwks(k, OTHER, json, len) == EXPO_OK);
    check(expo_keys_user(k, &u, tag, pk) == EXPO_OK);
    check(expo_keys_user(k, &alice, tag, pk) == EXPO_OK);

    free(token);
}

/* Of the question that was asked last: cut, lengthened, and each byte other. */
static void
mutate(const char *name)
{
    uint8_t answer[EXPO_VAULT_ANSWER];
    static uint8_t bytes[EXPO_VAULT_QUESTION];
    int whole = 0, longer, mute = 0;
    size_t n = asked_bytes;

    memcpy(bytes, asked, n);

    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *exact = malloc(cut + 1);

        memcpy(exact, bytes, cut);
        whole += expo_vault_answer(&vault, exact, cut, answer) != 1 ||
                 answer[0] != EXPO_INVALID;
        free(exact);
    }

    longer = n < sizeof(bytes) &&
             expo_vault_answer(&vault, bytes, n + 1, answer) == 1 &&
             answer[0] == EXPO_INVALID;

    for (size_t i = 0; i<n; i += n> 400 ? 7 : 1) {
        bytes[i] ^= 0xff;
        mute += expo_vault_answer(&vault, bytes, n, answer) == 0;
        bytes[i] ^= 0xff;
    }

    printf("# %s: %zu bytes\n", name, n);
    check(whole == 0 && longer && mute == 0);
}

static void
no_question_does_harm(void)
{
    uint8_t secret[EXPO_INVITE_SECRET] = {5}, b32[32] = {0}, pk[32];
    uint8_t sealed[EXPO_SEALED_KEY], tag[EXPO_TAG], none[EXPO_VAULT_ANSWER];
    expo_keys_grantee_t to[2] = {{.role = EXPO_ROLE_VIEWER},
                                 {.role = EXPO_ROLE_EDITOR}};
    expo_keys_box_t boxes[2] = {box, box}, copy;
    expo_keys_meta_t metas[2] = {{.lease = &lease, .table = "scans"},
                                 {.lease = &lease, .table = "configurations"}};
    expo_lease_t leases[2];
    expo_status_t statuses[2];
    expo_blob_t blob = {{0}, {0}};
    expo_keys_hello_t hello;
    char *token;

    (void) expo_keys_hello(k, &hello);
    free(hello.jwks);
    mutate("hello");
    (void) expo_keys_user(k, &alice, tag, pk);
    mutate("user");
    (void) expo_keys_sign(k, "alice", 60, &token);
    free(token);
    mutate("sign");
    copy = box;
    (void) expo_keys_create(k, &alice, &copy, leases);
    mutate("create");
    (void) expo_keys_unlock(k, &alice, boxes, 2, leases, statuses);
    mutate("unlock");
    (void) expo_keys_blob_new(k, &lease, &box.scan, EXPO_BLOB_VOLUME, 20,
                              &blob);
    mutate("blob_new");
    (void) expo_keys_blob_open(k, &lease, blob.header, &box.scan,
                               EXPO_BLOB_VOLUME, &blob);
    mutate("blob_open");
    (void) expo_keys_meta(k, metas, 2);
    mutate("meta");
    (void) expo_keys_grant(k, &alice, &box, bob_tag, bob_pk, EXPO_ROLE_VIEWER,
                           sealed);
    mutate("grant");
    (void) expo_keys_invite(k, &alice, &box, EXPO_ROLE_VIEWER, secret, b32, pk,
                            sealed);
    mutate("invite");
    (void) expo_keys_redeem(k, &bob, secret, b32, pk, &copy);
    mutate("redeem");
    copy = box;
    (void) expo_keys_renew(k, &alice, &copy, to, 2, leases);
    mutate("renew");
    (void) expo_keys_audit(k, b32, secret, sizeof(secret), pk);
    mutate("audit");
    (void) expo_keys_jwks(k, OTHER, (const uint8_t *) jwks, strlen(jwks));
    mutate("trust");

    for (int op = EXPO_VAULT_MOVE + 1; op <= 256; op++) {
        uint8_t byte = (uint8_t) op;

        statuses[0] = expo_vault_answer(&vault, &byte, 1, none) == 1
                          ? (expo_status_t) none[0]
                          : EXPO_OK;
        if (statuses[0] != EXPO_INVALID) {
            break;
        }
    }
    check(statuses[0] == EXPO_INVALID);
}

/* A vault that is not what it says must not hurt who asks it. */
static void
no_answer_does_harm(void)
{
    static expo_vault_message_t m;
    uint8_t answer[EXPO_VAULT_ANSWER];
    int read = 0;
    size_t n;

    memset(&m, 0, sizeof(m));
    m.op = EXPO_VAULT_UNLOCK;
    m.n = 2;
    n = expo_vault_wire_reply(answer, &m);
    check(n == 2 + 2 * (1 + EXPO_LEASE));

    for (size_t cut = 0; cut < n; cut++) {
        m.n = 2;
        read += expo_vault_wire_replied(&m, answer, cut) != EXPO_IO;
    }
    check(read == 0);

    m.n = 1;
    check(expo_vault_wire_replied(&m, answer, n) == EXPO_IO);
    m.n = 2;
    check(expo_vault_wire_replied(&m, answer, n) == EXPO_OK);
    answer[0] = EXPO_DENIED;
    check(expo_vault_wire_replied(&m, answer, n) == EXPO_IO);
    check(expo_vault_wire_replied(&m, answer, 1) == EXPO_DENIED);
    answer[0] = 200;
    check(expo_vault_wire_replied(&m, answer, 1) == EXPO_IO);
}

static void
without_a_vault_there_is_no_answer(void)
{
    expo_keys_hello_t hello;
    expo_keys_t *nobody;
    char path[200];

    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    check(expo_keys_open(&nobody, path) == EXPO_INVALID);
    check(expo_keys_open(&nobody, "") == EXPO_INVALID);
    check(expo_keys_open(&nobody, "/nonexistent/vault.sock") == EXPO_OK);
    check(expo_keys_hello(nobody, &hello) == EXPO_AGAIN);
    expo_keys_close(nobody);
}

static void
boxes_move_to_who_one_is_from_now_on(void)
{
    expo_keys_box_t boxes[70];
    expo_lease_t leases[2];
    expo_status_t st[2];

    for (int i = 0; i < 70; i++) {
        boxes[i] = (expo_keys_box_t){
            .scan = {{(uint8_t) i}}, .epoch = 1, .role = EXPO_ROLE_OWNER};
        if (expo_keys_create(k, &alice, &boxes[i], &lease) != EXPO_OK) {
            check(!"a box is made");
        }
    }

    check(expo_keys_move(k, &alice, 0, &bob, NULL, 0) == EXPO_OK);
    check(expo_keys_move(k, &alice, 0, &bob, boxes, 70) == EXPO_OK);
    check(expo_keys_unlock(k, &alice, boxes, 1, leases, st) == EXPO_OK &&
          st[0] == EXPO_CORRUPT);
    check(expo_keys_unlock(k, &bob, boxes + 68, 2, leases, st) == EXPO_OK &&
          st[0] == EXPO_OK && st[1] == EXPO_OK);

    /* One that does not open keeps all of them where they are. */
    check(expo_keys_create(k, &alice, &boxes[0], &lease) == EXPO_OK);
    check(expo_keys_move(k, &bob, 0, &alice, boxes, 70) == EXPO_CORRUPT);
    check(expo_keys_unlock(k, &bob, boxes + 1, 1, leases, st) == EXPO_OK &&
          st[0] == EXPO_OK);
}

static void
what_a_former_secret_has_made_goes_on_under_another(void)
{
    const uint8_t newest[32] = {9}, former[32] = {1};
    uint8_t secret[EXPO_INVITE_SECRET] = {5}, invited_salt[32], pk[32];
    uint8_t tag[EXPO_TAG], now_salt[32] = {8};
    expo_keys_box_t own = {.scan = {{6}}, .epoch = 1, .role = EXPO_ROLE_OWNER};
    expo_keys_user_t here = {alice_token, strlen(alice_token), now_salt};
    expo_keys_box_t guests = own;
    const expo_id_t blob = {{3}};
    expo_status_t st;
    expo_vault_t moved = vault;
    expo_keys_hello_t hello;
    expo_keys_t *m;
    expo_blob_t b;

    check(expo_keys_create(k, &alice, &own, &lease) == EXPO_OK);
    guests.role = EXPO_ROLE_VIEWER;
    check(expo_keys_invite(k, &alice, &own, guests.role, secret, invited_salt,
                           pk, guests.sealed) == EXPO_OK);

    check(expo_vault_start(&moved, newest, 4) == EXPO_OK &&
          expo_keys_local(&m, &moved) == EXPO_OK);
    check(expo_keys_move(m, &alice, 1, &here, &own, 1) == EXPO_INVALID);
    check(expo_keys_blob_new(m, &lease, &blob, EXPO_BLOB_VOLUME, 16, &b) ==
          EXPO_CORRUPT);
    check(expo_keys_redeem(m, &bob, secret, invited_salt, pk, &guests) ==
          EXPO_DENIED);

    check(expo_vault_former(&moved, former) == EXPO_OK);
    check(expo_keys_hello(m, &hello) == EXPO_OK && hello.nnames == 2 &&
          hello.master_no == 4);
    check(expo_vault_user_tag(tag, &hello.names[1], ISS, "alice") == EXPO_OK);
    free(hello.jwks);

    /* It is no way to open, only to move. */
    check(expo_keys_unlock(m, &alice, &own, 1, &lease, &st) == EXPO_OK &&
          st == EXPO_CORRUPT);
    check(expo_keys_move(m, &alice, 0, &here, &own, 1) == EXPO_CORRUPT);
    check(expo_keys_move(m, &bob, 1, &here, &own, 1) == EXPO_CORRUPT);
    check(expo_keys_create(k, &alice, &own, &lease) == EXPO_OK);
    check(expo_keys_blob_new(m, &lease, &blob, EXPO_BLOB_VOLUME, 16, &b) ==
          EXPO_OK);
    check(expo_keys_move(m, &alice, 1, &here, &own, 1) == EXPO_OK);
    check(expo_keys_unlock(m, &here, &own, 1, &lease, &st) == EXPO_OK &&
          st == EXPO_OK);
    check(expo_keys_redeem(m, &bob, secret, invited_salt, pk, &guests) ==
          EXPO_OK);
    check(expo_keys_unlock(m, &bob, &guests, 1, &lease, &st) == EXPO_OK &&
          st == EXPO_OK);

    check(expo_vault_former(&moved, former) == EXPO_OK &&
          expo_vault_former(&moved, former) == EXPO_OK &&
          expo_vault_former(&moved, former) == EXPO_FULL);
    expo_keys_close(m);
}

int
main(void)
{
    begin();
    hello_gives_names_and_public_keys_and_no_master();
    only_its_token_makes_somebody();
    a_box_opens_for_its_user_alone();
    a_lease_is_read_by_its_vault_for_a_day();
    small_things_have_keys_of_their_places();
    an_owner_grants_and_nobody_else();
    an_invitation_opens_with_its_secret();
    a_key_anew_shuts_out_who_is_not_named();
    boxes_move_to_who_one_is_from_now_on();
    what_a_former_secret_has_made_goes_on_under_another();
    a_chain_hangs_on_what_was_before();
    other_issuers_keys_come_from_who_asks_if_the_vault_allows_it();
    no_question_does_harm();
    no_answer_does_harm();
    without_a_vault_there_is_no_answer();

    expo_keys_close(k);
    expo_keys_close(other_k);
    expo_trust_close(trust);
    free(alice_token);
    free(bob_token);
    free(jwks);

    return done();
}
