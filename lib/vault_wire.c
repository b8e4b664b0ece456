#include "lib/vault_wire.h"

#include <string.h>

#include "lib/vault_private.h"

/* A place in a message; the same functions write a member and read it. */
typedef struct {
    uint8_t *p;
    uint8_t *end;
    int reading;
    int bad;
} wire_t;

static void wire_question(wire_t *w, expo_vault_message_t *m);
static void wire_answer(wire_t *w, expo_vault_message_t *m);
static expo_status_t wire_read(wire_t *w, expo_vault_message_t *m,
                               void (*members)(wire_t *w,
                                               expo_vault_message_t *m));
static uint8_t *wire_take(wire_t *w, size_t n);
static void wire_bytes(wire_t *w, void *v, size_t n);
static void wire_lease(wire_t *w, const expo_lease_t **lease);
static void wire_number(wire_t *w, uint32_t *v, unsigned bytes);
static void wire_u8(wire_t *w, uint8_t *v);
static void wire_role(wire_t *w, expo_role_t *role);
static void wire_status(wire_t *w, expo_status_t *st);
static void wire_count(wire_t *w, size_t *n, size_t max);
static void wire_string(wire_t *w, const uint8_t **v, size_t *len, size_t max);
static void wire_text(wire_t *w, const char **text, size_t max);
static void wire_user(wire_t *w, expo_keys_user_t *u);
static void wire_box(wire_t *w, expo_keys_box_t *box, int sealed);


size_t
expo_vault_wire_ask(uint8_t dst[EXPO_VAULT_QUESTION], expo_vault_message_t *m)
{
    wire_t w = {.p = dst, .end = dst + EXPO_VAULT_QUESTION};

    wire_u8(&w, &m->op);
    wire_question(&w, m);

    return w.bad ? 0 : (size_t) (w.p - dst);
}


size_t
expo_vault_wire_reply(uint8_t dst[EXPO_VAULT_ANSWER], expo_vault_message_t *m)
{
    wire_t w = {.p = dst, .end = dst + EXPO_VAULT_ANSWER};

    wire_status(&w, &m->status);

    if (m->status == EXPO_OK) {
        wire_answer(&w, m);
    }

    return w.bad ? 0 : (size_t) (w.p - dst);
}


expo_status_t
expo_vault_wire_asked(expo_vault_message_t *m, const uint8_t *src, size_t len)
{
    wire_t w = {
        .p = (uint8_t *) src, .end = (uint8_t *) src + len, .reading = 1};

    memset(m, 0, sizeof(*m));
    wire_u8(&w, &m->op);

    return wire_read(&w, m, wire_question);
}


expo_status_t
expo_vault_wire_replied(expo_vault_message_t *m, const uint8_t *src, size_t len)
{
    wire_t w = {
        .p = (uint8_t *) src, .end = (uint8_t *) src + len, .reading = 1};
    size_t asked = m->n;
    expo_status_t st;

    wire_status(&w, &m->status);

    if (!w.bad && m->status != EXPO_OK) {
        return w.p == w.end ? m->status : EXPO_IO;
    }

    st = wire_read(&w, m, wire_answer);

    return st == EXPO_OK && m->n == asked ? EXPO_OK : EXPO_IO;
}


static expo_status_t
wire_read(wire_t *w, expo_vault_message_t *m,
          void (*members)(wire_t *w, expo_vault_message_t *m))
{
    if (!w->bad) {
        members(w, m);
    }

    return w->bad || w->p != w->end ? EXPO_INVALID : EXPO_OK;
}


static void
wire_question(wire_t *w, expo_vault_message_t *m)
{
    switch (m->op) {
    case EXPO_VAULT_HELLO:
        break;

    case EXPO_VAULT_USER:
        wire_user(w, &m->user);
        break;

    case EXPO_VAULT_SIGN:
        wire_text(w, &m->text, EXPO_SUB_MAX);
        wire_number(w, &m->lifetime_s, 4);
        break;

    case EXPO_VAULT_CREATE:
        wire_user(w, &m->user);
        wire_box(w, m->boxes, 0);
        break;

    case EXPO_VAULT_UNLOCK:
        wire_user(w, &m->user);
        wire_count(w, &m->n, EXPO_KEYS_BATCH);
        for (size_t i = 0; i < m->n; i++) {
            wire_box(w, &m->boxes[i], 1);
        }
        break;

    case EXPO_VAULT_BLOB_NEW:
        wire_bytes(w, m->leases[0].b, EXPO_LEASE);
        wire_bytes(w, m->blob.b, sizeof(m->blob.b));
        wire_u8(w, &m->kind);
        wire_u8(w, &m->chunk_log2);
        break;

    case EXPO_VAULT_BLOB_OPEN:
        wire_bytes(w, m->leases[0].b, EXPO_LEASE);
        wire_bytes(w, m->header, sizeof(m->header));
        wire_bytes(w, m->blob.b, sizeof(m->blob.b));
        wire_u8(w, &m->kind);
        break;

    case EXPO_VAULT_META:
        wire_count(w, &m->n, EXPO_KEYS_BATCH);
        for (size_t i = 0; i < m->n; i++) {
            wire_lease(w, &m->metas[i].lease);
            wire_text(w, &m->metas[i].table, VAULT_PART_MAX + 1);
            wire_bytes(w, m->metas[i].row.b, sizeof(m->metas[i].row.b));
            wire_number(w, &m->metas[i].revision, 4);
            wire_bytes(w, m->metas[i].salt, EXPO_META_SALT);
        }
        break;

    case EXPO_VAULT_GRANT:
        wire_user(w, &m->user);
        wire_box(w, m->boxes, 1);
        wire_bytes(w, m->to[0].tag, EXPO_TAG);
        wire_bytes(w, m->to[0].pk, sizeof(m->to[0].pk));
        wire_role(w, &m->to[0].role);
        break;

    case EXPO_VAULT_INVITE:
        wire_user(w, &m->user);
        wire_box(w, m->boxes, 1);
        wire_role(w, &m->to[0].role);
        wire_bytes(w, m->secret, sizeof(m->secret));
        break;

    case EXPO_VAULT_REDEEM:
        wire_user(w, &m->user);
        wire_box(w, m->boxes, 1);
        wire_bytes(w, m->secret, sizeof(m->secret));
        wire_bytes(w, m->salt, sizeof(m->salt));
        wire_bytes(w, m->pk, sizeof(m->pk));
        break;

    case EXPO_VAULT_RENEW:
        wire_user(w, &m->user);
        wire_box(w, m->boxes, 1);
        wire_count(w, &m->n, EXPO_KEYS_GRANTS);
        for (size_t i = 0; i < m->n; i++) {
            wire_bytes(w, m->to[i].tag, EXPO_TAG);
            wire_bytes(w, m->to[i].pk, sizeof(m->to[i].pk));
            wire_role(w, &m->to[i].role);
        }
        break;

    case EXPO_VAULT_AUDIT:
        wire_bytes(w, m->mac, sizeof(m->mac));
        wire_string(w, &m->record, &m->record_bytes, EXPO_VAULT_RECORD);
        break;

    case EXPO_VAULT_TRUST:
        wire_text(w, &m->text, EXPO_ISS_MAX);
        wire_string(w, &m->record, &m->record_bytes, EXPO_KEYS_JWKS_MAX);
        break;

    case EXPO_VAULT_MOVE:
        wire_user(w, &m->user);
        wire_u8(w, &m->former);
        wire_user(w, &m->next);
        wire_count(w, &m->n, EXPO_KEYS_BATCH);
        for (size_t i = 0; i < m->n; i++) {
            wire_box(w, &m->boxes[i], 1);
        }
        break;

    default:
        w->bad = 1;
    }
}


static void
wire_answer(wire_t *w, expo_vault_message_t *m)
{
    switch (m->op) {
    case EXPO_VAULT_HELLO:
        wire_count(w, &m->nnames, EXPO_MASTERS);
        for (size_t i = 0; i < m->nnames; i++) {
            wire_bytes(w, &m->names[i], sizeof(m->names[i]));
        }
        wire_number(w, &m->master_no, 4);
        wire_text(w, &m->text, EXPO_VAULT_JWKS);
        wire_bytes(w, m->protection, sizeof(m->protection) - 1);
        wire_bytes(w, m->instance, sizeof(m->instance));
        break;

    case EXPO_VAULT_USER:
        wire_bytes(w, m->tag, EXPO_TAG);
        wire_bytes(w, m->pk, sizeof(m->pk));
        break;

    case EXPO_VAULT_SIGN:
        wire_text(w, &m->text, EXPO_TOKEN_BYTES_MAX);
        break;

    case EXPO_VAULT_CREATE:
        wire_bytes(w, m->boxes[0].sealed, EXPO_SEALED_KEY);
        wire_bytes(w, m->leases[0].b, EXPO_LEASE);
        break;

    case EXPO_VAULT_UNLOCK:
        wire_count(w, &m->n, EXPO_KEYS_BATCH);
        for (size_t i = 0; i < m->n; i++) {
            wire_status(w, &m->statuses[i]);
            wire_bytes(w, m->leases[i].b, EXPO_LEASE);
        }
        break;

    case EXPO_VAULT_BLOB_NEW:
    case EXPO_VAULT_BLOB_OPEN:
        wire_bytes(w, m->header, sizeof(m->header));
        wire_bytes(w, m->key, sizeof(m->key));
        break;

    case EXPO_VAULT_META:
        wire_count(w, &m->n, EXPO_KEYS_BATCH);
        for (size_t i = 0; i < m->n; i++) {
            wire_status(w, &m->metas[i].status);
            wire_bytes(w, m->metas[i].key, sizeof(m->metas[i].key));
        }
        break;

    case EXPO_VAULT_GRANT:
    case EXPO_VAULT_REDEEM:
        wire_bytes(w, m->to[0].sealed, EXPO_SEALED_KEY);
        break;

    case EXPO_VAULT_INVITE:
        wire_bytes(w, m->salt, sizeof(m->salt));
        wire_bytes(w, m->pk, sizeof(m->pk));
        wire_bytes(w, m->to[0].sealed, EXPO_SEALED_KEY);
        break;

    case EXPO_VAULT_RENEW:
        wire_bytes(w, m->boxes[0].sealed, EXPO_SEALED_KEY);
        wire_bytes(w, m->leases[0].b, EXPO_LEASE);
        wire_count(w, &m->n, EXPO_KEYS_GRANTS);
        for (size_t i = 0; i < m->n; i++) {
            wire_bytes(w, m->to[i].sealed, EXPO_SEALED_KEY);
        }
        break;

    case EXPO_VAULT_AUDIT:
        wire_bytes(w, m->mac, sizeof(m->mac));
        break;

    case EXPO_VAULT_TRUST:
        break;

    case EXPO_VAULT_MOVE:
        wire_count(w, &m->n, EXPO_KEYS_BATCH);
        for (size_t i = 0; i < m->n; i++) {
            wire_bytes(w, m->boxes[i].sealed, EXPO_SEALED_KEY);
        }
        break;

    default:
        w->bad = 1;
    }
}


/* NULL: there are not so many. */
static uint8_t *
wire_take(wire_t *w, size_t n)
{
    uint8_t *p = w->p;

    if (w->bad || (size_t) (w->end - p) < n) {
        w->bad = 1;
        return NULL;
    }

    w->p += n;

    return p;
}


static void
wire_bytes(wire_t *w, void *v, size_t n)
{
    uint8_t *p = wire_take(w, n);

    if (p == NULL) {
        return;
    }

    if (w->reading) {
        memcpy(v, p, n);
    } else {
        memcpy(p, v, n);
    }
}


static void
wire_lease(wire_t *w, const expo_lease_t **lease)
{
    uint8_t *p = wire_take(w, EXPO_LEASE);

    if (p == NULL) {
        return;
    }

    if (w->reading) {
        *lease = (const expo_lease_t *) p;
    } else {
        memcpy(p, (*lease)->b, EXPO_LEASE);
    }
}


static void
wire_number(wire_t *w, uint32_t *v, unsigned bytes)
{
    uint8_t *p = wire_take(w, bytes);

    if (p == NULL) {
        return;
    }

    if (w->reading) {
        *v = (uint32_t) expo_vault_get_be(p, bytes);
        return;
    }

    for (unsigned i = 0; i < bytes; i++) {
        p[i] = (uint8_t) (*v >> 8 * (bytes - 1 - i));
    }
}


static void
wire_u8(wire_t *w, uint8_t *v)
{
    wire_bytes(w, v, 1);
}


static void
wire_role(wire_t *w, expo_role_t *role)
{
    uint32_t v = (uint32_t) *role;

    wire_number(w, &v, 1);
    *role = (expo_role_t) v;
}


static void
wire_status(wire_t *w, expo_status_t *st)
{
    uint32_t v = (uint32_t) *st;

    wire_number(w, &v, 1);

    if (v > EXPO_IO) {
        w->bad = 1;
        v = EXPO_INVALID;
    }

    *st = (expo_status_t) v;
}


/* Above max it is 0, so that nothing is read past an array. */
static void
wire_count(wire_t *w, size_t *n, size_t max)
{
    uint32_t v = (uint32_t) *n;

    wire_number(w, &v, 1);

    if (*n > max || v > max || w->bad) {
        w->bad = 1;
        v = 0;
    }

    *n = v;
}


/* Of 1 to max bytes. */
static void
wire_string(wire_t *w, const uint8_t **v, size_t *len, size_t max)
{
    uint32_t n = (uint32_t) *len;
    uint8_t *p;

    wire_number(w, &n, 2);

    if (*len > max || n == 0 || n > max) {
        w->bad = 1;
    }

    p = wire_take(w, n);
    if (p == NULL) {
        return;
    }

    if (w->reading) {
        *v = p;
        *len = n;
    } else {
        memcpy(p, *v, n);
    }
}


/* Of up to max bytes, NUL included. */
static void
wire_text(wire_t *w, const char **text, size_t max)
{
    const uint8_t *v = (const uint8_t *) *text;
    size_t len = w->reading || *text == NULL ? 0 : strlen(*text) + 1;

    wire_string(w, &v, &len, max);

    if (w->bad || memchr(v, 0, len) != v + len - 1) {
        w->bad = 1;
        return;
    }

    *text = (const char *) v;
}


static void
wire_user(wire_t *w, expo_keys_user_t *u)
{
    const uint8_t *token = (const uint8_t *) u->token, *salt = u->salt;
    size_t len = 32;

    wire_string(w, &token, &u->token_bytes, EXPO_TOKEN_BYTES_MAX);
    wire_string(w, &salt, &len, 32);

    if (len != 32) {
        w->bad = 1;
    }

    u->token = (const char *) token;
    u->salt = salt;
}


static void
wire_box(wire_t *w, expo_keys_box_t *box, int sealed)
{
    wire_bytes(w, box->scan.b, sizeof(box->scan.b));
    wire_number(w, &box->epoch, 4);
    wire_role(w, &box->role);

    if (sealed) {
        wire_bytes(w, box->sealed, EXPO_SEALED_KEY);
    }
}
