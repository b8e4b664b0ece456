/* The part of a store's life that has to do with other people: t/crash/life.h
 */

#ifndef CRASH_LIFE_SHARE_H
#define CRASH_LIFE_SHARE_H

#include "t/unit/store.h"

#define LIFE_NOW 1000

static expo_id_t *life_shared; /* a ready scan of ann's, of epoch 1 */
static expo_invitation_t life_invitation;


static inline expo_status_t
life_other_user(void)
{
    randombytes_buf(&bob, sizeof(bob));
    bob.quota_bytes = 64 * MIB;
    bob.disabled = 0;

    return expo_store_user_add(s, &bob, 100);
}

static inline expo_status_t
life_audit(void)
{
    expo_audit_line_t line = {.record = {.seq = 1,
                                         .at = LIFE_NOW,
                                         .verb = EXPO_AUDIT_SIGN_IN,
                                         .outcome = EXPO_AUDIT_PERMITTED}};

    randombytes_buf(line.mac, sizeof(line.mac));

    return expo_store_audit_add(s, &line);
}

static inline expo_status_t
life_invite(void)
{
    expo_invitation_t i = {.id = fresh_id(),
                           .scan = *life_shared,
                           .role = EXPO_ROLE_VIEWER,
                           .epoch = 1,
                           .created_day = 20000,
                           .expires_at = 2 * LIFE_NOW,
                           .label_enc = (uint8_t *) "label",
                           .label_bytes = 5};

    randombytes_buf(i.salt, sizeof(i.salt));
    randombytes_buf(i.pk, sizeof(i.pk));
    randombytes_buf(i.sealed, sizeof(i.sealed));
    life_invitation = i;

    return expo_store_invitation_add(s, &i);
}

static inline expo_status_t
life_uninvite(void)
{
    return expo_store_invitation_delete(s, life_shared, &life_invitation.id);
}

static inline expo_status_t
life_redeem(void)
{
    uint8_t sealed[EXPO_SEALED_KEY];

    randombytes_buf(sealed, sizeof(sealed));

    return expo_store_invitation_redeem(s, &life_invitation, bob.tag, sealed,
                                        LIFE_NOW);
}

/* Bob's, which is the only one. */
static inline expo_status_t
life_permission(expo_permission_t *out)
{
    expo_permission_t *list;
    size_t n;
    expo_status_t st;

    st = expo_store_permissions(s, life_shared, LIFE_NOW, &list, &n);
    if (st == EXPO_OK) {
        st = n == 1 ? EXPO_OK : EXPO_CORRUPT;
        *out = list[0];
        free(list);
    }

    return st;
}

static inline expo_status_t
life_promote(void)
{
    uint8_t was[EXPO_SEALED_KEY];
    expo_permission_t p;
    expo_status_t st;

    st = life_permission(&p);
    if (st == EXPO_OK) {
        memcpy(was, p.sealed, sizeof(was));
        randombytes_buf(p.sealed, sizeof(p.sealed));
        p.role = EXPO_ROLE_EDITOR;
        st = expo_store_permission_put(s, life_shared, &p, was);
        expo_store_permission_free(&p);
    }

    return st;
}

/* All of the scan under epoch 2. */
static inline expo_status_t
life_renew(void)
{
    static const uint8_t dek[32];
    expo_blob_file_t volume = blob_of(life_shared, EXPO_BLOB_VOLUME, 70000);
    expo_blob_file_t thumbnail = blob_of(life_shared, EXPO_BLOB_THUMBNAIL, 100);
    expo_blob_file_t *files_of[] = {&volume, &thumbnail};
    expo_scan_t next = {.id = *life_shared,
                        .epoch = 2,
                        .revision = 3,
                        .meta = (uint8_t *) "third",
                        .meta_bytes = 5};
    expo_permission_t p;
    expo_renewal_t r = {.scan = &next,
                        .owner = ann.tag,
                        .permissions = &p,
                        .permission_count = 1,
                        .files = files_of,
                        .file_count = 2};
    expo_blob_t b;
    expo_status_t st;

    randombytes_buf(next.sealed, sizeof(next.sealed));

    st = life_permission(&p);
    if (st == EXPO_OK) {
        randombytes_buf(p.sealed, sizeof(p.sealed));

        for (int i = 0; i < 2; i++) {
            expo_vault_blob_new(&b, dek, 2, life_shared, &files_of[i]->id,
                                files_of[i]->kind, 20, dek);
            if (pwrite(files_of[i]->fd, b.header, EXPO_BLOB_HEADER, 0) < 0) {
                st = EXPO_IO;
            }
        }
    }

    if (st == EXPO_OK) {
        st = expo_store_scan_renew(s, &r, LIFE_NOW);
        expo_store_permission_free(&p);
    }

    close(volume.fd);
    close(thumbnail.fd);

    return st;
}

static inline expo_status_t
life_revoke(void)
{
    return expo_store_permission_delete(s, life_shared, bob.tag);
}

static inline expo_status_t
life_invitation_expires(void)
{
    uint32_t removed;

    return expo_store_expire(s, 2 * LIFE_NOW, &removed);
}

/* Ann, signing in after the master secret has been rotated. */
static inline expo_status_t
life_move(void)
{
    expo_user_t to = ann;
    expo_boxes_t boxes;
    expo_status_t st;

    randombytes_buf(to.tag, sizeof(to.tag));
    randombytes_buf(to.salt, sizeof(to.salt));
    randombytes_buf(to.pk, sizeof(to.pk));

    st = expo_store_boxes(s, ann.tag, &boxes);
    if (st != EXPO_OK) {
        return st;
    }

    for (size_t i = 0; i < boxes.count; i++) {
        randombytes_buf(boxes.boxes[i].sealed, EXPO_SEALED_KEY);
    }

    st = expo_store_user_move(s, ann.tag, &to, 2, &boxes);
    free(boxes.boxes);
    ann = to;

    return st;
}

#endif
