#include "lib/vault_answer.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include "lib/vault_private.h"

#define ANSWER_LIFETIME_MAX_S 86400

/* nonce | what the lease says, sealed */
typedef struct {
    uint8_t dek[32];
    expo_id_t scan;
    uint32_t epoch;
    uint32_t role;
    uint64_t until; /* Unix seconds */
} lease_t;

#define LEASE_NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

_Static_assert(sizeof(lease_t) == 64, "a lease has no padding");
_Static_assert(EXPO_LEASE == LEASE_NONCE + sizeof(lease_t) +
                                 crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "a lease fits its struct");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == 32,
               "a lease's key is 32 bytes");

/* A person, as the token and the salt make one. */
typedef struct {
    uint8_t tag[EXPO_TAG];
    uint8_t pk[32];
    uint8_t sk[32];
} person_t;

typedef expo_status_t (*answer_pt)(expo_vault_t *v, expo_vault_message_t *m);

static expo_status_t answer_hello(expo_vault_t *v, expo_vault_message_t *m);
static expo_status_t answer_user(expo_vault_t *v, expo_vault_message_t *m);
static expo_status_t answer_create(expo_vault_t *v, expo_vault_message_t *m);
static expo_status_t answer_unlock(expo_vault_t *v, expo_vault_message_t *m);
static expo_status_t answer_blob_new(expo_vault_t *v, expo_vault_message_t *m);
static expo_status_t answer_blob_open(expo_vault_t *v, expo_vault_message_t *m);
static expo_status_t answer_meta(expo_vault_t *v, expo_vault_message_t *m);
static expo_status_t answer_grant(expo_vault_t *v, expo_vault_message_t *m);
static expo_status_t answer_invite(expo_vault_t *v, expo_vault_message_t *m);
static expo_status_t answer_redeem(expo_vault_t *v, expo_vault_message_t *m);
static expo_status_t answer_renew(expo_vault_t *v, expo_vault_message_t *m);
static expo_status_t answer_audit(expo_vault_t *v, expo_vault_message_t *m);
static expo_status_t answer_trust(expo_vault_t *v, expo_vault_message_t *m);
static expo_status_t answer_move(expo_vault_t *v, expo_vault_message_t *m);
static expo_status_t answer_sign(expo_vault_t *v, expo_vault_message_t *m,
                                 char **token);

static expo_status_t answer_secret(expo_vault_secret_t *s,
                                   const uint8_t master[32]);
static expo_status_t answer_person(expo_vault_t *v, const expo_keys_user_t *u,
                                   person_t *p);
static expo_status_t answer_person_by(expo_vault_t *v,
                                      const expo_vault_secret_t *s,
                                      const expo_keys_user_t *u, person_t *p);
static expo_status_t answer_own(expo_vault_t *v, expo_vault_message_t *m,
                                person_t *p, uint8_t dek[32]);
static expo_status_t answer_open(const person_t *p, const expo_keys_box_t *box,
                                 uint8_t dek[32]);
static expo_status_t answer_seal(const uint8_t tag[EXPO_TAG],
                                 const uint8_t pk[32],
                                 const expo_keys_box_t *box, expo_role_t role,
                                 const uint8_t dek[32],
                                 uint8_t sealed[EXPO_SEALED_KEY]);
static expo_status_t answer_invited(const expo_vault_secret_t *s,
                                    const uint8_t secret[EXPO_INVITE_SECRET],
                                    const uint8_t salt[32], person_t *p);
static expo_status_t
answer_guest(expo_vault_t *v, const expo_vault_message_t *m, person_t *guest);
static int answer_may_grant(expo_role_t role);
static void lease_make(expo_vault_t *v, const expo_keys_box_t *box,
                       const uint8_t dek[32], expo_lease_t *lease);
static expo_status_t lease_read(expo_vault_t *v, const expo_lease_t *lease,
                                lease_t *out);

static const answer_pt answers[] = {
    [EXPO_VAULT_HELLO] = answer_hello,
    [EXPO_VAULT_USER] = answer_user,
    [EXPO_VAULT_CREATE] = answer_create,
    [EXPO_VAULT_UNLOCK] = answer_unlock,
    [EXPO_VAULT_BLOB_NEW] = answer_blob_new,
    [EXPO_VAULT_BLOB_OPEN] = answer_blob_open,
    [EXPO_VAULT_META] = answer_meta,
    [EXPO_VAULT_GRANT] = answer_grant,
    [EXPO_VAULT_INVITE] = answer_invite,
    [EXPO_VAULT_REDEEM] = answer_redeem,
    [EXPO_VAULT_RENEW] = answer_renew,
    [EXPO_VAULT_AUDIT] = answer_audit,
    [EXPO_VAULT_TRUST] = answer_trust,
    [EXPO_VAULT_MOVE] = answer_move,
};


expo_status_t
expo_vault_start(expo_vault_t *v, const uint8_t master[32], uint32_t master_no)
{
    expo_status_t st;

    if (sodium_init() < 0) {
        return EXPO_IO;
    }

    v->master_no = master_no;
    v->nsecrets = 1;

    st = answer_secret(&v->secrets[0], master);
    if (st == EXPO_OK) {
        st = expo_vault_subkey(v->audit, sizeof(v->audit), master,
                               "erws/v1/audit");
    }

    return st;
}


expo_status_t
expo_vault_former(expo_vault_t *v, const uint8_t master[32])
{
    if (v->nsecrets == EXPO_MASTERS) {
        return EXPO_FULL;
    }

    return answer_secret(&v->secrets[v->nsecrets++], master);
}


expo_status_t
expo_vault_start_all(expo_vault_t *v, const expo_master_t *masters, size_t n)
{
    expo_status_t st;

    st = expo_vault_start(v, masters[0].secret, masters[0].no);

    for (size_t i = 1; i < n && st == EXPO_OK; i++) {
        st = expo_vault_former(v, masters[i].secret);
    }

    return st;
}


static expo_status_t
answer_secret(expo_vault_secret_t *s, const uint8_t master[32])
{
    expo_status_t st;

    memcpy(s->master, master, sizeof(s->master));

    st = expo_vault_names(&s->names, master);

    return st == EXPO_OK ? expo_vault_subkey(s->lease, sizeof(s->lease), master,
                                             "erws/v1/lease")
                         : st;
}


size_t
expo_vault_answer(expo_vault_t *v, const uint8_t *question, size_t len,
                  uint8_t answer[EXPO_VAULT_ANSWER])
{
    expo_vault_message_t m;
    char *token = NULL;
    size_t n;

    m.status = expo_vault_wire_asked(&m, question, len);

    if (m.status == EXPO_OK) {
        m.status = m.op == EXPO_VAULT_SIGN ? answer_sign(v, &m, &token)
                                           : answers[m.op](v, &m);
    }

    n = expo_vault_wire_reply(answer, &m);

    sodium_memzero(&m, sizeof(m));

    if (token != NULL) {
        sodium_memzero(token, strlen(token));
        free(token);
    }

    return n;
}


static expo_status_t
answer_hello(expo_vault_t *v, expo_vault_message_t *m)
{
    for (size_t i = 0; i < v->nsecrets; i++) {
        m->names[i] = v->secrets[i].names;
    }
    m->nnames = v->nsecrets;
    m->master_no = v->master_no;
    m->text = v->jwks != NULL ? v->jwks : "";
    memcpy(m->protection, v->protection, sizeof(m->protection));
    memcpy(m->instance, v->instance, sizeof(m->instance));

    return EXPO_OK;
}


static expo_status_t
answer_user(expo_vault_t *v, expo_vault_message_t *m)
{
    expo_status_t st;
    person_t p;

    st = answer_person(v, &m->user, &p);
    if (st == EXPO_OK) {
        memcpy(m->tag, p.tag, sizeof(m->tag));
        memcpy(m->pk, p.pk, sizeof(m->pk));
    }

    sodium_memzero(&p, sizeof(p));

    return st;
}


static expo_status_t
answer_sign(expo_vault_t *v, expo_vault_message_t *m, char **token)
{
    uint8_t jti[16];
    expo_status_t st;

    if (v->pem == NULL) {
        return EXPO_UNSUPPORTED;
    }

    if (m->text[0] == '\0' || m->lifetime_s == 0 ||
        m->lifetime_s > ANSWER_LIFETIME_MAX_S) {
        return EXPO_INVALID;
    }

    v->random(jti, sizeof(jti));

    st = expo_token_issue(v->pem, v->pem_bytes, v->issuer, v->audience, m->text,
                          v->now(), m->lifetime_s, jti, token);
    if (st == EXPO_OK) {
        m->text = *token;
    }

    return st;
}


static expo_status_t
answer_create(expo_vault_t *v, expo_vault_message_t *m)
{
    expo_keys_box_t *box = m->boxes;
    uint8_t dek[32];
    expo_status_t st;
    person_t p;

    if (box->role != EXPO_ROLE_OWNER) {
        return EXPO_INVALID;
    }

    st = answer_person(v, &m->user, &p);
    if (st == EXPO_OK) {
        v->random(dek, sizeof(dek));
        st = answer_seal(p.tag, p.pk, box, box->role, dek, box->sealed);
    }
    if (st == EXPO_OK) {
        lease_make(v, box, dek, m->leases);
    }

    sodium_memzero(dek, sizeof(dek));
    sodium_memzero(&p, sizeof(p));

    return st;
}


static expo_status_t
answer_unlock(expo_vault_t *v, expo_vault_message_t *m)
{
    uint8_t dek[32];
    expo_status_t st;
    person_t p;

    st = answer_person(v, &m->user, &p);

    for (size_t i = 0; st == EXPO_OK && i < m->n; i++) {
        m->statuses[i] = answer_open(&p, &m->boxes[i], dek);

        if (m->statuses[i] == EXPO_OK) {
            lease_make(v, &m->boxes[i], dek, &m->leases[i]);
        }
    }

    sodium_memzero(dek, sizeof(dek));
    sodium_memzero(&p, sizeof(p));

    return st;
}


static expo_status_t
answer_blob_new(expo_vault_t *v, expo_vault_message_t *m)
{
    uint8_t salt[32];
    lease_t lease;
    expo_status_t st;
    expo_blob_t b;

    st = lease_read(v, m->leases, &lease);
    if (st == EXPO_OK && lease.role != EXPO_ROLE_OWNER) {
        st = EXPO_DENIED;
    }

    if (st == EXPO_OK) {
        v->random(salt, sizeof(salt));
        st = expo_vault_blob_new(&b, lease.dek, lease.epoch, &lease.scan,
                                 &m->blob, (expo_blob_kind_t) m->kind,
                                 m->chunk_log2, salt);
    }
    if (st == EXPO_OK) {
        memcpy(m->header, b.header, sizeof(m->header));
        memcpy(m->key, b.key, sizeof(m->key));
    }

    sodium_memzero(&lease, sizeof(lease));
    sodium_memzero(&b, sizeof(b));

    return st;
}


static expo_status_t
answer_blob_open(expo_vault_t *v, expo_vault_message_t *m)
{
    lease_t lease;
    expo_status_t st;
    expo_blob_t b;

    st = lease_read(v, m->leases, &lease);
    if (st == EXPO_OK) {
        st = expo_vault_blob_open(&b, m->header, lease.dek, &lease.scan,
                                  &m->blob, (expo_blob_kind_t) m->kind);
    }
    if (st == EXPO_OK) {
        memcpy(m->key, b.key, sizeof(m->key));
    }

    sodium_memzero(&lease, sizeof(lease));
    sodium_memzero(&b, sizeof(b));

    return st;
}


static expo_status_t
answer_meta(expo_vault_t *v, expo_vault_message_t *m)
{
    lease_t lease;

    for (size_t i = 0; i < m->n; i++) {
        expo_keys_meta_t *meta = &m->metas[i];

        meta->status = lease_read(v, meta->lease, &lease);

        if (meta->status == EXPO_OK) {
            meta->status = expo_vault_meta_key(
                meta->key, lease.dek, &lease.scan, meta->table, &meta->row,
                meta->revision, meta->salt);
        }
    }

    sodium_memzero(&lease, sizeof(lease));

    return EXPO_OK;
}


static expo_status_t
answer_grant(expo_vault_t *v, expo_vault_message_t *m)
{
    expo_keys_grantee_t *to = m->to;
    uint8_t dek[32];
    expo_status_t st;
    person_t p;

    if (!answer_may_grant(to->role)) {
        return EXPO_INVALID;
    }

    st = answer_own(v, m, &p, dek);
    if (st == EXPO_OK) {
        st = answer_seal(to->tag, to->pk, m->boxes, to->role, dek, to->sealed);
    }

    sodium_memzero(dek, sizeof(dek));
    sodium_memzero(&p, sizeof(p));

    return st;
}


static expo_status_t
answer_invite(expo_vault_t *v, expo_vault_message_t *m)
{
    person_t p, guest = {0};
    uint8_t dek[32];
    expo_status_t st;

    if (!answer_may_grant(m->to[0].role)) {
        return EXPO_INVALID;
    }

    st = answer_own(v, m, &p, dek);
    if (st == EXPO_OK) {
        v->random(m->salt, sizeof(m->salt));
        st = answer_invited(&v->secrets[0], m->secret, m->salt, &guest);
    }
    if (st == EXPO_OK) {
        memcpy(m->pk, guest.pk, sizeof(m->pk));
        st = answer_seal(guest.tag, guest.pk, m->boxes, m->to[0].role, dek,
                         m->to[0].sealed);
    }

    sodium_memzero(dek, sizeof(dek));
    sodium_memzero(&p, sizeof(p));
    sodium_memzero(&guest, sizeof(guest));

    return st;
}


static expo_status_t
answer_redeem(expo_vault_t *v, expo_vault_message_t *m)
{
    person_t p, guest = {0};
    uint8_t dek[32];
    expo_status_t st;

    st = answer_person(v, &m->user, &p);
    if (st == EXPO_OK) {
        st = answer_guest(v, m, &guest);
    }
    if (st == EXPO_OK && !answer_may_grant(m->boxes[0].role)) {
        st = EXPO_INVALID;
    }
    if (st == EXPO_OK) {
        st = answer_open(&guest, m->boxes, dek);
    }
    if (st == EXPO_OK) {
        st = answer_seal(p.tag, p.pk, m->boxes, m->boxes[0].role, dek,
                         m->to[0].sealed);
    }

    sodium_memzero(dek, sizeof(dek));
    sodium_memzero(&p, sizeof(p));
    sodium_memzero(&guest, sizeof(guest));

    return st;
}


/*
 * Whoever has both tokens is both; all the boxes, or none. Who they were may go
 * by a former secret.
 */
static expo_status_t
answer_move(expo_vault_t *v, expo_vault_message_t *m)
{
    person_t was, is = {0};
    uint8_t dek[32];
    expo_status_t st;

    if (m->former >= v->nsecrets) {
        return EXPO_INVALID;
    }

    st = answer_person_by(v, &v->secrets[m->former], &m->user, &was);
    if (st == EXPO_OK) {
        st = answer_person(v, &m->next, &is);
    }

    for (size_t i = 0; i < m->n && st == EXPO_OK; i++) {
        expo_keys_box_t *box = &m->boxes[i];

        st = answer_open(&was, box, dek);
        if (st == EXPO_OK) {
            st = answer_seal(is.tag, is.pk, box, box->role, dek, box->sealed);
        }
    }

    sodium_memzero(dek, sizeof(dek));
    sodium_memzero(&was, sizeof(was));
    sodium_memzero(&is, sizeof(is));

    return st;
}


static expo_status_t
answer_renew(expo_vault_t *v, expo_vault_message_t *m)
{
    expo_keys_box_t *box = m->boxes;
    uint8_t dek[32];
    expo_status_t st;
    person_t p;

    st = answer_own(v, m, &p, dek);

    if (st == EXPO_OK && box->epoch == UINT32_MAX) {
        st = EXPO_INVALID;
    }

    if (st == EXPO_OK) {
        box->epoch++;
        v->random(dek, sizeof(dek));
        st = answer_seal(p.tag, p.pk, box, box->role, dek, box->sealed);
    }

    for (size_t i = 0; st == EXPO_OK && i < m->n; i++) {
        st = answer_may_grant(m->to[i].role)
                 ? answer_seal(m->to[i].tag, m->to[i].pk, box, m->to[i].role,
                               dek, m->to[i].sealed)
                 : EXPO_INVALID;
    }

    if (st == EXPO_OK) {
        lease_make(v, box, dek, m->leases);
    }

    sodium_memzero(dek, sizeof(dek));
    sodium_memzero(&p, sizeof(p));

    return st;
}


static expo_status_t
answer_audit(expo_vault_t *v, expo_vault_message_t *m)
{
    uint8_t said[32 + 4 + EXPO_VAULT_RECORD];

    memcpy(said, m->mac, 32);
    expo_vault_put_u32(said + 32, (uint32_t) m->record_bytes);
    memcpy(said + 36, m->record, m->record_bytes);

    return HMAC(EVP_sha256(), v->audit, sizeof(v->audit), said,
                36 + m->record_bytes, m->mac, NULL) != NULL
               ? EXPO_OK
               : EXPO_NO_MEMORY;
}


static expo_status_t
answer_trust(expo_vault_t *v, expo_vault_message_t *m)
{
    char error[256];
    expo_jwks_t *keys;
    expo_status_t st;
    size_t entry;

    st = expo_trust_find(v->trust, m->text, &entry);
    if (st != EXPO_OK || (v->fed & UINT32_C(1) << entry) == 0) {
        return EXPO_NOT_FOUND;
    }

    st = expo_jwks_load((const char *) m->record, m->record_bytes, &keys, error,
                        sizeof(error));
    if (st != EXPO_OK) {
        return st == EXPO_NO_MEMORY ? st : EXPO_INVALID;
    }

    expo_trust_keys(v->trust, entry, keys);
    v->told |= UINT32_C(1) << entry;

    return EXPO_OK;
}


static expo_status_t
answer_person(expo_vault_t *v, const expo_keys_user_t *u, person_t *p)
{
    return answer_person_by(v, &v->secrets[0], u, p);
}


static expo_status_t
answer_person_by(expo_vault_t *v, const expo_vault_secret_t *s,
                 const expo_keys_user_t *u, person_t *p)
{
    expo_claims_t claims;
    expo_status_t st;

    st = expo_trust_verify(v->trust, v->now(), u->token, u->token_bytes,
                           &claims);
    if (st != EXPO_OK) {
        /* signed by nobody whom we know, or by whom we shall know */
        return st != EXPO_NOT_FOUND       ? st
               : (v->fed & ~v->told) != 0 ? EXPO_AGAIN
                                          : EXPO_DENIED;
    }

    st = expo_vault_user_tag(p->tag, &s->names, claims.iss, claims.sub);
    if (st == EXPO_OK) {
        st = expo_vault_user_keys(p->pk, p->sk, s->master, u->salt, claims.iss,
                                  claims.sub);
    }

    sodium_memzero(&claims, sizeof(claims));

    /* longer than a name in the vault can be */
    return st == EXPO_INVALID ? EXPO_DENIED : st;
}


/* The key of a scan whose owner asks. */
static expo_status_t
answer_own(expo_vault_t *v, expo_vault_message_t *m, person_t *p,
           uint8_t dek[32])
{
    expo_status_t st = answer_person(v, &m->user, p);

    if (st == EXPO_OK && m->boxes[0].role != EXPO_ROLE_OWNER) {
        st = EXPO_DENIED;
    }

    return st == EXPO_OK ? answer_open(p, m->boxes, dek) : st;
}


static expo_status_t
answer_open(const person_t *p, const expo_keys_box_t *box, uint8_t dek[32])
{
    return expo_vault_open_key(dek, box->sealed, &box->scan, p->tag, box->epoch,
                               box->role, p->pk, p->sk);
}


static expo_status_t
answer_seal(const uint8_t tag[EXPO_TAG], const uint8_t pk[32],
            const expo_keys_box_t *box, expo_role_t role, const uint8_t dek[32],
            uint8_t sealed[EXPO_SEALED_KEY])
{
    return expo_vault_seal_key(sealed, dek, &box->scan, tag, box->epoch, role,
                               pk);
}


/* Whoever has the secret; in the box's context its public key is the tag. */
static expo_status_t
answer_invited(const expo_vault_secret_t *s,
               const uint8_t secret[EXPO_INVITE_SECRET], const uint8_t salt[32],
               person_t *p)
{
    uint8_t seed[32];
    vault_info_t info;
    expo_status_t st;

    expo_vault_info(&info, "erws/v1/invite");
    expo_vault_info_bytes(&info, secret, EXPO_INVITE_SECRET);

    st = expo_vault_hkdf(seed, sizeof(seed), s->master, salt, 32, &info);
    if (st == EXPO_OK) {
        crypto_box_seed_keypair(p->pk, p->sk, seed);
        memcpy(p->tag, p->pk, sizeof(p->pk));
        memset(p->tag + sizeof(p->pk), 0, EXPO_TAG - sizeof(p->pk));
    }

    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(&info, sizeof(info));

    return st;
}


/* By whichever secret the invitation was made. */
static expo_status_t
answer_guest(expo_vault_t *v, const expo_vault_message_t *m, person_t *guest)
{
    expo_status_t st = EXPO_OK;

    for (size_t i = 0; i < v->nsecrets && st == EXPO_OK; i++) {
        st = answer_invited(&v->secrets[i], m->secret, m->salt, guest);

        if (st == EXPO_OK &&
            sodium_memcmp(guest->pk, m->pk, sizeof(m->pk)) == 0) {
            return EXPO_OK;
        }
    }

    return st == EXPO_OK ? EXPO_DENIED : st;
}


static int
answer_may_grant(expo_role_t role)
{
    return role == EXPO_ROLE_EDITOR || role == EXPO_ROLE_VIEWER;
}


static void
lease_make(expo_vault_t *v, const expo_keys_box_t *box, const uint8_t dek[32],
           expo_lease_t *lease)
{
    lease_t l = {.scan = box->scan,
                 .epoch = box->epoch,
                 .role = (uint32_t) box->role,
                 .until = v->now() + EXPO_LEASE_S};

    memcpy(l.dek, dek, sizeof(l.dek));
    v->random(lease->b, LEASE_NONCE);

    crypto_aead_xchacha20poly1305_ietf_encrypt(
        lease->b + LEASE_NONCE, NULL, (const uint8_t *) &l, sizeof(l), NULL, 0,
        NULL, lease->b, v->secrets[0].lease);

    sodium_memzero(&l, sizeof(l));
}


static expo_status_t
lease_read(expo_vault_t *v, const expo_lease_t *lease, lease_t *out)
{
    for (size_t i = 0; i < v->nsecrets; i++) {
        if (crypto_aead_xchacha20poly1305_ietf_decrypt(
                (uint8_t *) out, NULL, NULL, lease->b + LEASE_NONCE,
                EXPO_LEASE - LEASE_NONCE, NULL, 0, lease->b,
                v->secrets[i].lease) == 0) {
            return out->until > v->now() ? EXPO_OK : EXPO_EXPIRED;
        }
    }

    return EXPO_CORRUPT;
}
