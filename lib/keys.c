/* Questions as functions; the bytes' way to the vault is keys_socket.c. */

#include "lib/keys.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "lib/keys_private.h"
#include "lib/vault_answer.h"

/* One question, its answer, and both as bytes. */
typedef struct {
    expo_vault_message_t m;
    size_t question_bytes;
    size_t answer_bytes;
    uint8_t question[EXPO_VAULT_QUESTION];
    uint8_t answer[EXPO_VAULT_ANSWER];
} talk_t;

static talk_t *talk_new(expo_vault_op_t op, const expo_keys_user_t *u);
static expo_status_t talk(expo_keys_t *k, talk_t *t);
static void talk_free(talk_t *t);
static expo_status_t talk_text(const talk_t *t, char **text);


expo_status_t
expo_keys_hello(expo_keys_t *k, expo_keys_hello_t *out)
{
    talk_t *t = talk_new(EXPO_VAULT_HELLO, NULL);
    expo_status_t st = talk(k, t);

    memset(out, 0, sizeof(*out));

    if (st == EXPO_OK && t->m.nnames == 0) {
        st = EXPO_IO;
    }

    if (st == EXPO_OK && t->m.text[0] != '\0') {
        st = talk_text(t, &out->jwks);
    }

    if (st == EXPO_OK) {
        memcpy(out->names, t->m.names, sizeof(out->names));
        out->nnames = t->m.nnames;
        out->master_no = t->m.master_no;
        memcpy(out->protection, t->m.protection, sizeof(out->protection) - 1);
        memcpy(out->instance, t->m.instance, sizeof(out->instance));
    }

    talk_free(t);

    return st;
}


expo_status_t
expo_keys_jwks(expo_keys_t *k, const char *issuer, const uint8_t *json,
               size_t len)
{
    talk_t *t = talk_new(EXPO_VAULT_TRUST, NULL);
    expo_status_t st;

    if (t != NULL) {
        t->m.text = issuer;
        t->m.record = json;
        t->m.record_bytes = len;
    }

    st = talk(k, t);
    talk_free(t);

    return st;
}


expo_status_t
expo_keys_user(expo_keys_t *k, const expo_keys_user_t *u, uint8_t tag[EXPO_TAG],
               uint8_t pk[32])
{
    talk_t *t = talk_new(EXPO_VAULT_USER, u);
    expo_status_t st = talk(k, t);

    if (st == EXPO_OK) {
        memcpy(tag, t->m.tag, EXPO_TAG);
        memcpy(pk, t->m.pk, 32);
    }

    talk_free(t);

    return st;
}


expo_status_t
expo_keys_sign(expo_keys_t *k, const char *sub, uint32_t lifetime_s,
               char **token)
{
    talk_t *t = talk_new(EXPO_VAULT_SIGN, NULL);
    expo_status_t st;

    if (t != NULL) {
        t->m.text = sub;
        t->m.lifetime_s = lifetime_s;
    }

    st = talk(k, t);
    if (st == EXPO_OK) {
        st = talk_text(t, token);
    }

    talk_free(t);

    return st;
}


expo_status_t
expo_keys_create(expo_keys_t *k, const expo_keys_user_t *u,
                 expo_keys_box_t *box, expo_lease_t *lease)
{
    talk_t *t = talk_new(EXPO_VAULT_CREATE, u);
    expo_status_t st;

    if (t != NULL) {
        t->m.boxes[0] = *box;
    }

    st = talk(k, t);
    if (t != NULL && st == EXPO_OK) {
        memcpy(box->sealed, t->m.boxes[0].sealed, EXPO_SEALED_KEY);
        *lease = t->m.leases[0];
    }

    talk_free(t);

    return st;
}


expo_status_t
expo_keys_unlock(expo_keys_t *k, const expo_keys_user_t *u,
                 const expo_keys_box_t *boxes, size_t n, expo_lease_t *leases,
                 expo_status_t *statuses)
{
    talk_t *t = talk_new(EXPO_VAULT_UNLOCK, u);
    expo_status_t st;

    if (t != NULL && n <= EXPO_KEYS_BATCH) {
        t->m.n = n;
        memcpy(t->m.boxes, boxes, n * sizeof(*boxes));
    }

    st = n <= EXPO_KEYS_BATCH ? talk(k, t) : EXPO_INVALID;
    if (st == EXPO_OK) {
        memcpy(leases, t->m.leases, n * sizeof(*leases));
        memcpy(statuses, t->m.statuses, n * sizeof(*statuses));
    }

    talk_free(t);

    return st;
}


expo_status_t
expo_keys_blob_new(expo_keys_t *k, const expo_lease_t *lease,
                   const expo_id_t *blob, expo_blob_kind_t kind,
                   unsigned chunk_log2, expo_blob_t *out)
{
    talk_t *t = talk_new(EXPO_VAULT_BLOB_NEW, NULL);
    expo_status_t st;

    if (t != NULL) {
        t->m.leases[0] = *lease;
        t->m.blob = *blob;
        t->m.kind = (uint8_t) kind;
        t->m.chunk_log2 = (uint8_t) chunk_log2;
    }

    st = talk(k, t);
    if (st == EXPO_OK) {
        memcpy(out->header, t->m.header, sizeof(out->header));
        memcpy(out->key, t->m.key, sizeof(out->key));
    }

    talk_free(t);

    return st;
}


expo_status_t
expo_keys_blob_open(expo_keys_t *k, const expo_lease_t *lease,
                    const uint8_t header[EXPO_BLOB_HEADER],
                    const expo_id_t *blob, expo_blob_kind_t kind,
                    expo_blob_t *out)
{
    talk_t *t = talk_new(EXPO_VAULT_BLOB_OPEN, NULL);
    expo_status_t st;

    if (t != NULL) {
        t->m.leases[0] = *lease;
        memcpy(t->m.header, header, sizeof(t->m.header));
        t->m.blob = *blob;
        t->m.kind = (uint8_t) kind;
    }

    st = talk(k, t);
    if (st == EXPO_OK) {
        memcpy(out->header, header, sizeof(out->header));
        memcpy(out->key, t->m.key, sizeof(out->key));
    }

    talk_free(t);

    return st;
}


expo_status_t
expo_keys_meta(expo_keys_t *k, expo_keys_meta_t *metas, size_t n)
{
    talk_t *t = talk_new(EXPO_VAULT_META, NULL);
    expo_status_t st;

    if (t != NULL && n <= EXPO_KEYS_BATCH) {
        t->m.n = n;
        memcpy(t->m.metas, metas, n * sizeof(*metas));
    }

    st = n <= EXPO_KEYS_BATCH ? talk(k, t) : EXPO_INVALID;

    for (size_t i = 0; st == EXPO_OK && i < n; i++) {
        metas[i].status = t->m.metas[i].status;
        memcpy(metas[i].key, t->m.metas[i].key, sizeof(metas[i].key));
    }

    talk_free(t);

    return st;
}


expo_status_t
expo_keys_grant(expo_keys_t *k, const expo_keys_user_t *u,
                const expo_keys_box_t *box, const uint8_t tag[EXPO_TAG],
                const uint8_t pk[32], expo_role_t role,
                uint8_t sealed[EXPO_SEALED_KEY])
{
    talk_t *t = talk_new(EXPO_VAULT_GRANT, u);
    expo_status_t st;

    if (t != NULL) {
        t->m.boxes[0] = *box;
        memcpy(t->m.to[0].tag, tag, EXPO_TAG);
        memcpy(t->m.to[0].pk, pk, 32);
        t->m.to[0].role = role;
    }

    st = talk(k, t);
    if (st == EXPO_OK) {
        memcpy(sealed, t->m.to[0].sealed, EXPO_SEALED_KEY);
    }

    talk_free(t);

    return st;
}


expo_status_t
expo_keys_invite(expo_keys_t *k, const expo_keys_user_t *u,
                 const expo_keys_box_t *box, expo_role_t role,
                 const uint8_t secret[EXPO_INVITE_SECRET], uint8_t salt[32],
                 uint8_t pk[32], uint8_t sealed[EXPO_SEALED_KEY])
{
    talk_t *t = talk_new(EXPO_VAULT_INVITE, u);
    expo_status_t st;

    if (t != NULL) {
        t->m.boxes[0] = *box;
        t->m.to[0].role = role;
        memcpy(t->m.secret, secret, sizeof(t->m.secret));
    }

    st = talk(k, t);
    if (st == EXPO_OK) {
        memcpy(salt, t->m.salt, 32);
        memcpy(pk, t->m.pk, 32);
        memcpy(sealed, t->m.to[0].sealed, EXPO_SEALED_KEY);
    }

    talk_free(t);

    return st;
}


expo_status_t
expo_keys_redeem(expo_keys_t *k, const expo_keys_user_t *u,
                 const uint8_t secret[EXPO_INVITE_SECRET],
                 const uint8_t salt[32], const uint8_t pk[32],
                 expo_keys_box_t *box)
{
    talk_t *t = talk_new(EXPO_VAULT_REDEEM, u);
    expo_status_t st;

    if (t != NULL) {
        t->m.boxes[0] = *box;
        memcpy(t->m.secret, secret, sizeof(t->m.secret));
        memcpy(t->m.salt, salt, sizeof(t->m.salt));
        memcpy(t->m.pk, pk, sizeof(t->m.pk));
    }

    st = talk(k, t);
    if (st == EXPO_OK) {
        memcpy(box->sealed, t->m.to[0].sealed, EXPO_SEALED_KEY);
    }

    talk_free(t);

    return st;
}


expo_status_t
expo_keys_move(expo_keys_t *k, const expo_keys_user_t *was, size_t former,
               const expo_keys_user_t *is, expo_keys_box_t *boxes, size_t n)
{
    expo_keys_box_t *moved;
    expo_status_t st = EXPO_OK;
    talk_t *t;
    size_t some;

    if (n == 0) {
        return EXPO_OK; /* and boxes may be NULL */
    }

    moved = malloc(n * sizeof(*moved));
    if (moved == NULL) {
        return EXPO_NO_MEMORY;
    }

    for (size_t done = 0; done < n && st == EXPO_OK; done += some) {
        some = n - done < EXPO_KEYS_BATCH ? n - done : EXPO_KEYS_BATCH;

        t = talk_new(EXPO_VAULT_MOVE, was);
        if (t == NULL) {
            st = EXPO_NO_MEMORY;
            break;
        }

        t->m.former = (uint8_t) former;
        t->m.next = *is;
        t->m.n = some;
        memcpy(t->m.boxes, boxes + done, some * sizeof(*boxes));

        st = talk(k, t);
        if (st == EXPO_OK) {
            memcpy(moved + done, t->m.boxes, some * sizeof(*boxes));
        }
        talk_free(t);
    }

    if (st == EXPO_OK) {
        memcpy(boxes, moved, n * sizeof(*boxes));
    }
    free(moved);

    return st;
}


expo_status_t
expo_keys_renew(expo_keys_t *k, const expo_keys_user_t *u, expo_keys_box_t *box,
                expo_keys_grantee_t *to, size_t n, expo_lease_t *lease)
{
    talk_t *t = talk_new(EXPO_VAULT_RENEW, u);
    expo_status_t st;

    if (t != NULL && n <= EXPO_KEYS_GRANTS) {
        t->m.boxes[0] = *box;
        t->m.n = n;
        memcpy(t->m.to, to, n * sizeof(*to));
    }

    st = n <= EXPO_KEYS_GRANTS ? talk(k, t) : EXPO_INVALID;

    if (st == EXPO_OK) {
        box->epoch++;
        memcpy(box->sealed, t->m.boxes[0].sealed, EXPO_SEALED_KEY);
        *lease = t->m.leases[0];
    }

    for (size_t i = 0; st == EXPO_OK && i < n; i++) {
        memcpy(to[i].sealed, t->m.to[i].sealed, EXPO_SEALED_KEY);
    }

    talk_free(t);

    return st;
}


expo_status_t
expo_keys_audit(expo_keys_t *k, const uint8_t previous[32],
                const uint8_t *record, size_t len, uint8_t mac[32])
{
    talk_t *t = talk_new(EXPO_VAULT_AUDIT, NULL);
    expo_status_t st;

    if (t != NULL) {
        memcpy(t->m.mac, previous, sizeof(t->m.mac));
        t->m.record = record;
        t->m.record_bytes = len;
    }

    st = talk(k, t);
    if (st == EXPO_OK) {
        memcpy(mac, t->m.mac, sizeof(t->m.mac));
    }

    talk_free(t);

    return st;
}


/* u NULL: who asks does not matter. */
static talk_t *
talk_new(expo_vault_op_t op, const expo_keys_user_t *u)
{
    talk_t *t = malloc(sizeof(*t));

    if (t != NULL) {
        memset(t, 0, offsetof(talk_t, question));
        t->m.op = (uint8_t) op;

        if (u != NULL) {
            t->m.user = *u;
        }
    }

    return t;
}


/* t NULL: there was no memory for it. */
static expo_status_t
talk(expo_keys_t *k, talk_t *t)
{
    expo_status_t st = EXPO_OK;

    if (t == NULL) {
        return EXPO_NO_MEMORY;
    }

    t->question_bytes = expo_vault_wire_ask(t->question, &t->m);
    if (t->question_bytes == 0) {
        return EXPO_INVALID;
    }

    if (k->vault != NULL) {
        t->answer_bytes = expo_vault_answer(k->vault, t->question,
                                            t->question_bytes, t->answer);
    } else {
        st = expo_keys_exchange(k, t->question, t->question_bytes, t->answer,
                                &t->answer_bytes);
    }

    return st == EXPO_OK
               ? expo_vault_wire_replied(&t->m, t->answer, t->answer_bytes)
               : st;
}


static void
talk_free(talk_t *t)
{
    if (t == NULL) {
        return;
    }

    /* the rest has not been written */
    sodium_memzero(&t->m, sizeof(t->m));
    sodium_memzero(t->question, t->question_bytes);
    sodium_memzero(t->answer, t->answer_bytes);
    free(t);
}


static expo_status_t
talk_text(const talk_t *t, char **text)
{
    *text = strdup(t->m.text);

    return *text != NULL ? EXPO_OK : EXPO_NO_MEMORY;
}
