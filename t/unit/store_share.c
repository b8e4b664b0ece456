/* Permissions, invitations, and a scan under its next epoch. */

#include "t/unit/store.h"

#include <sys/wait.h>

#define NOW 1000000ull

static expo_id_t scan;


/* A ready scan of Ann's. */
static void
begin_shared(void)
{
    begin();
    faults_arm(0, 0);
    scan = fresh_id();
    check(add(&ann, &scan, 1000) == EXPO_OK);
    check(ready(&scan) == EXPO_OK);
}

static expo_invitation_t
invitation(expo_role_t role, uint64_t access_expires_at)
{
    expo_invitation_t i = {.id = fresh_id(),
                           .scan = scan,
                           .role = role,
                           .epoch = 1,
                           .created_day = 20000,
                           .expires_at = NOW + 100,
                           .access_expires_at = access_expires_at,
                           .label_enc = (uint8_t *) "label",
                           .label_bytes = 5};

    randombytes_buf(i.salt, sizeof(i.salt));
    randombytes_buf(i.pk, sizeof(i.pk));
    randombytes_buf(i.sealed, sizeof(i.sealed));

    return i;
}

static expo_status_t
redeem(const expo_user_t *u, const expo_invitation_t *i, uint64_t now)
{
    uint8_t sealed[EXPO_SEALED_KEY];

    memset(sealed, (int) i->role, sizeof(sealed));

    return expo_store_invitation_redeem(s, i, u->tag, sealed, now);
}

/* Bob has the scan in this role until then. */
static void
share(expo_role_t role, uint64_t access_expires_at)
{
    expo_invitation_t i = invitation(role, access_expires_at);

    check(expo_store_invitation_add(s, &i) == EXPO_OK);
    check(redeem(&bob, &i, NOW) == EXPO_OK);
}

/* 0: he has none. */
static expo_role_t
role_at(const expo_user_t *u, uint64_t now)
{
    expo_scan_t found;

    if (expo_store_scan(s, u->tag, &scan, now, &found) != EXPO_OK) {
        return 0;
    }
    expo_store_scan_free(&found);

    return found.role;
}

static size_t
permissions_at(uint64_t now)
{
    expo_permission_t *list;
    size_t n;

    check(expo_store_permissions(s, &scan, now, &list, &n) == EXPO_OK);
    for (size_t i = 0; i < n; i++) {
        expo_store_permission_free(&list[i]);
    }
    free(list);

    return n;
}

static size_t
invitations_at(uint64_t now)
{
    expo_invitation_t *list;
    size_t n;

    check(expo_store_invitations(s, &scan, now, &list, &n) == EXPO_OK);
    for (size_t i = 0; i < n; i++) {
        expo_store_invitation_free(&list[i]);
    }
    free(list);

    return n;
}

static expo_permission_t
bobs(void)
{
    expo_permission_t *list, p;
    size_t n;

    check(expo_store_permissions(s, &scan, NOW, &list, &n) == EXPO_OK &&
          n == 1);
    p = list[0];
    free(list);

    return p;
}

static int
has(const char *needle, size_t len)
{
    static const char *const names[] = {"store.db", "store.db-wal"};
    char path[128];
    int found = 0;

    for (int i = 0; i < 2; i++) {
        static uint8_t b[4 << 20];
        ssize_t n;
        int fd;

        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        fd = open(path, O_RDONLY);
        if (fd >= 0) {
            n = read(fd, b, sizeof(b));
            found |= n > 0 && memmem(b, (size_t) n, needle, len) != NULL;
            close(fd);
        }
    }

    return found;
}


static void
an_invitation_is_used_once_and_becomes_a_permission(void)
{
    expo_invitation_t i, found;
    expo_permission_t p;
    expo_scan_t *list;
    size_t n;

    begin_shared();
    i = invitation(EXPO_ROLE_VIEWER, NOW + 500);

    check(expo_store_invitation_add(s, &i) == EXPO_OK);
    check(is_clean());
    check(invitations_at(NOW) == 1 && invitations_at(NOW + 100) == 0);
    check(expo_store_invitation(s, &i.id, NOW, &found) == EXPO_OK);
    check(memcmp(found.salt, i.salt, 32) == 0 &&
          memcmp(found.pk, i.pk, 32) == 0 &&
          memcmp(found.sealed, i.sealed, EXPO_SEALED_KEY) == 0 &&
          found.role == EXPO_ROLE_VIEWER && found.epoch == 1 &&
          found.access_expires_at == NOW + 500 && found.label_bytes == 5);
    check(has((char *) i.sealed, sizeof(i.sealed)));

    check(redeem(&ann, &i, NOW) == EXPO_CONFLICT);
    check(role_at(&ann, NOW) == EXPO_ROLE_OWNER && invitations_at(NOW) == 1);

    check(redeem(&bob, &found, NOW) == EXPO_OK);
    check(redeem(&bob, &found, NOW) == EXPO_NOT_FOUND);
    expo_store_invitation_free(&found);
    check(!has((char *) i.sealed, sizeof(i.sealed)));
    check(expo_store_invitation(s, &i.id, NOW, &found) == EXPO_NOT_FOUND);
    check(is_clean());

    p = bobs();
    check(memcmp(p.tag, bob.tag, EXPO_TAG) == 0 &&
          memcmp(p.pk, bob.pk, 32) == 0 && p.role == EXPO_ROLE_VIEWER &&
          p.expires_at == NOW + 500 && p.since_day == NOW / 86400 &&
          memcmp(&p.label_id, &i.id, sizeof(i.id)) == 0 && p.label_bytes == 5 &&
          memcmp(p.label_enc, "label", 5) == 0);
    expo_store_permission_free(&p);

    check(expo_store_scans(s, bob.tag, NOW, &list, &n) == EXPO_OK && n == 1);
    check(list[0].role == EXPO_ROLE_VIEWER && list[0].expires_at == NOW + 500);
    expo_store_scan_free(&list[0]);
    free(list);

    end();
}

static void
what_has_expired_is_refused_from_that_second(void)
{
    expo_invitation_t i;
    expo_scan_t *list;
    uint32_t removed;
    size_t n;

    begin_shared();
    share(EXPO_ROLE_EDITOR, NOW + 500);

    check(role_at(&bob, NOW + 499) == EXPO_ROLE_EDITOR);
    check(role_at(&bob, NOW + 500) == 0);
    check(role_at(&ann, NOW + 500) == EXPO_ROLE_OWNER);
    check(permissions_at(NOW + 499) == 1 && permissions_at(NOW + 500) == 0);
    check(expo_store_scans(s, bob.tag, NOW + 500, &list, &n) == EXPO_OK &&
          n == 0);
    free(list);

    i = invitation(EXPO_ROLE_VIEWER, 0);
    check(expo_store_invitation_add(s, &i) == EXPO_OK);
    check(redeem(&bob, &i, NOW + 100) == EXPO_NOT_FOUND);
    i = invitation(EXPO_ROLE_VIEWER, NOW + 50);
    check(expo_store_invitation_add(s, &i) == EXPO_OK);
    check(redeem(&bob, &i, NOW + 50) == EXPO_NOT_FOUND);

    check(expo_store_expire(s, NOW + 99, &removed) == EXPO_OK);
    check(invitations_at(NOW) == 2 && permissions_at(NOW) == 1);
    check(expo_store_expire(s, NOW + 500, &removed) == EXPO_OK);
    check(invitations_at(NOW) == 0 && permissions_at(NOW) == 0);
    check(role_at(&ann, NOW) == EXPO_ROLE_OWNER && is_clean());

    end();
}

static void
who_has_access_already_keeps_the_better_role(void)
{
    static const struct {
        expo_role_t had, invited, role;
        uint64_t had_end, invited_end, end;
    } cases[] = {
        {EXPO_ROLE_VIEWER, EXPO_ROLE_EDITOR, EXPO_ROLE_EDITOR, 0, NOW + 5,
         NOW + 5},
        {EXPO_ROLE_EDITOR, EXPO_ROLE_VIEWER, EXPO_ROLE_EDITOR, NOW + 9, 0,
         NOW + 9},
        {EXPO_ROLE_VIEWER, EXPO_ROLE_VIEWER, EXPO_ROLE_VIEWER, NOW + 9, NOW + 5,
         NOW + 9},
        {EXPO_ROLE_VIEWER, EXPO_ROLE_VIEWER, EXPO_ROLE_VIEWER, NOW + 9, 0, 0}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expo_permission_t p;

        begin_shared();
        share(cases[i].had, cases[i].had_end);
        share(cases[i].invited, cases[i].invited_end);

        p = bobs();
        check(p.role == cases[i].role && p.expires_at == cases[i].end &&
              p.sealed[0] == cases[i].role && invitations_at(NOW) == 0);
        expo_store_permission_free(&p);
        end();
    }
}

static void
a_permission_is_changed_by_who_has_read_it(void)
{
    expo_permission_t p;
    uint8_t was[EXPO_SEALED_KEY];

    begin_shared();
    share(EXPO_ROLE_VIEWER, 0);

    p = bobs();
    memcpy(was, p.sealed, sizeof(was));
    memset(p.sealed, 0x77, sizeof(p.sealed));
    p.role = EXPO_ROLE_EDITOR;
    p.expires_at = NOW + 7;
    check(expo_store_permission_put(s, &scan, &p, was) == EXPO_OK);
    check(role_at(&bob, NOW) == EXPO_ROLE_EDITOR);
    check(role_at(&bob, NOW + 7) == 0);
    check(!has((char *) was, sizeof(was)));
    check(expo_store_permission_put(s, &scan, &p, was) == EXPO_CONFLICT);

    memcpy(was, p.sealed, sizeof(was));
    memcpy(p.tag, ann.tag, EXPO_TAG);
    check(expo_store_permission_put(s, &scan, &p, was) == EXPO_CONFLICT);
    check(role_at(&ann, NOW) == EXPO_ROLE_OWNER);
    randombytes_buf(p.tag, sizeof(p.tag));
    check(expo_store_permission_put(s, &scan, &p, was) == EXPO_NOT_FOUND);
    expo_store_permission_free(&p);

    end();
}

static void
a_deleted_permission_leaves_no_box(void)
{
    expo_permission_t p;

    begin_shared();
    share(EXPO_ROLE_VIEWER, 0);
    p = bobs();
    expo_store_permission_free(&p);
    check(has((char *) p.sealed, sizeof(p.sealed)));

    check(expo_store_permission_delete(s, &scan, ann.tag) == EXPO_NOT_FOUND);
    check(expo_store_permission_delete(s, &scan, bob.tag) == EXPO_OK);
    check(expo_store_permission_delete(s, &scan, bob.tag) == EXPO_NOT_FOUND);
    check(role_at(&bob, NOW) == 0 && role_at(&ann, NOW) == EXPO_ROLE_OWNER);
    check(!has((char *) p.sealed, sizeof(p.sealed)));
    check(is_clean());

    end();
}

static void
a_scan_has_a_limited_number_of_invitations_and_permissions(void)
{
    expo_invitation_t i;
    expo_user_t u = bob;

    begin_shared();
    for (int n = 0; n < EXPO_INVITATIONS_MAX; n++) {
        i = invitation(EXPO_ROLE_VIEWER, 0);
        check(expo_store_invitation_add(s, &i) == EXPO_OK);
    }
    i = invitation(EXPO_ROLE_VIEWER, 0);
    check(expo_store_invitation_add(s, &i) == EXPO_FULL);
    check(expo_store_run(s, "DELETE FROM invitations", "") == EXPO_OK);

    for (int n = 0; n <= EXPO_PERMISSIONS_MAX; n++) {
        randombytes_buf(u.tag, sizeof(u.tag));
        check(expo_store_user_add(s, &u, 100) == EXPO_OK);
        i = invitation(EXPO_ROLE_VIEWER, 0);
        check(expo_store_invitation_add(s, &i) == EXPO_OK);
        check(redeem(&u, &i, NOW) ==
              (n < EXPO_PERMISSIONS_MAX ? EXPO_OK : EXPO_FULL));
    }
    check(permissions_at(NOW) == EXPO_PERMISSIONS_MAX);
    check(invitations_at(NOW) == 1);

    i.epoch = 2;
    i.id = fresh_id();
    check(expo_store_invitation_add(s, &i) == EXPO_CONFLICT);
    i.scan = fresh_id();
    check(expo_store_invitation_add(s, &i) == EXPO_NOT_FOUND);
    check(is_clean());

    end();
}

static void
a_deleted_scan_takes_invitations_and_permissions_along(void)
{
    expo_invitation_t i;

    begin_shared();
    share(EXPO_ROLE_VIEWER, 0);
    i = invitation(EXPO_ROLE_VIEWER, 0);
    check(expo_store_invitation_add(s, &i) == EXPO_OK);
    check(expo_store_scan_delete(s, &scan, 20000) == EXPO_OK);
    check(role_at(&bob, NOW) == 0);
    check(expo_store_invitation(s, &i.id, NOW, &i) == EXPO_NOT_FOUND);
    check(is_clean());

    end();
}

/* --- the next epoch --- */

static expo_scan_t next;
static expo_permission_t permission;
static expo_configuration_t configuration;
static expo_blob_file_t volume, thumbnail;

/* What is there, renewed; with_bob: and his permission is known of. */
static expo_status_t
renew(int with_bob)
{
    expo_blob_file_t *const files_of[] = {&volume, &thumbnail};
    expo_renewal_t r = {.scan = &next,
                        .owner = ann.tag,
                        .permissions = &permission,
                        .permission_count = (size_t) with_bob,
                        .configurations = &configuration,
                        .configuration_count = 1,
                        .files = files_of,
                        .file_count = 2};
    expo_status_t st;

    st = expo_store_scan_renew(s, &r, NOW);
    close(volume.fd);
    close(thumbnail.fd);

    return st;
}

static void
begin_renewal(void)
{
    static const uint8_t dek[32];
    expo_blob_file_t *const f[] = {&volume, &thumbnail};
    expo_blob_t b;

    begin_shared();
    share(EXPO_ROLE_EDITOR, 0);

    memset(&configuration, 0, sizeof(configuration));
    configuration.id = fresh_id();
    configuration.scan = scan;
    configuration.revision = 1;
    configuration.enc = (uint8_t *) "old";
    configuration.enc_bytes = 3;
    check(expo_store_configuration_add(s, &configuration, bob.tag) == EXPO_OK);
    configuration.revision = 2;
    configuration.enc = (uint8_t *) "new";

    memset(&next, 0, sizeof(next));
    next.id = scan;
    next.epoch = 2;
    next.revision = 3;
    next.meta = (uint8_t *) "third";
    next.meta_bytes = 5;
    memset(next.sealed, 0x31, sizeof(next.sealed));

    permission = bobs();
    expo_store_permission_free(&permission);
    memset(permission.sealed, 0x32, sizeof(permission.sealed));
    permission.label_enc = (uint8_t *) "LABEL";

    volume = blob_of(&scan, EXPO_BLOB_VOLUME, 70000);
    thumbnail = blob_of(&scan, EXPO_BLOB_THUMBNAIL, 100);
    for (int i = 0; i < 2; i++) {
        expo_vault_blob_new(&b, dek, 2, &scan, &f[i]->id, f[i]->kind, 20, dek);
        check(pwrite(f[i]->fd, b.header, sizeof(b.header), 0) == 128);
    }
}

/* 1: all is as before; 2: all is new; 0: a mix. */
static int
epoch_of_everything(void)
{
    expo_configuration_t c;
    expo_permission_t p = bobs();
    expo_scan_t found;
    expo_id_t blob;
    uint64_t bytes;
    int fd, epoch, same;

    check(expo_store_scan(s, ann.tag, &scan, NOW, &found) == EXPO_OK);
    check(expo_store_configuration(s, &configuration.id, &c) == EXPO_OK);
    check(expo_store_blob_open(s, &scan, EXPO_BLOB_VOLUME, &blob, &fd,
                               &bytes) == EXPO_OK);
    close(fd);

    epoch = (int) found.epoch;
    same = p.epoch == found.epoch && (p.label_enc[0] == 'L') == (epoch == 2) &&
           (p.sealed[0] == 0x32) == (epoch == 2) &&
           (found.sealed[50] == 0x31) == (epoch == 2) &&
           (c.revision == 2) == (epoch == 2) &&
           (memcmp(&blob, &volume.id, sizeof(blob)) == 0) == (epoch == 2) &&
           (memcmp(found.meta, "third", 5) == 0) == (epoch == 2);

    expo_store_permission_free(&p);
    expo_store_configuration_free(&c);
    expo_store_scan_free(&found);

    return same ? epoch : 0;
}

static void
a_scan_is_renewed_as_a_whole(void)
{
    expo_invitation_t i;

    begin_renewal();
    i = invitation(EXPO_ROLE_VIEWER, 0);
    check(expo_store_invitation_add(s, &i) == EXPO_OK);
    check(epoch_of_everything() == 1);

    check(renew(1) == EXPO_OK);
    check(epoch_of_everything() == 2);
    check(invitations_at(NOW) == 0);
    check(files() == 2 && is_clean());

    end();
}

static void
a_change_meanwhile_refuses_the_renewal(void)
{
    static const char *const changes[] = {
        "UPDATE configurations SET revision = 7",
        "DELETE FROM configurations",
        "INSERT INTO configurations SELECT x'00', scan_id, author_tag, 1, enc"
        " FROM configurations",
        "UPDATE scans SET revision = 7",
        "UPDATE scan_keys SET role = 3 WHERE role = 2",
        "DELETE FROM scan_keys WHERE role = 2"};

    for (size_t n = 0; n <= sizeof(changes) / sizeof(changes[0]); n++) {
        begin_renewal();
        if (n > 0) {
            check(expo_store_run(s, changes[n - 1], "") == EXPO_OK);
        }
        check(renew(n > 0) == EXPO_CONFLICT);
        check(files() == 2 && is_clean());
        end();
    }
}

static void
death_at_any_call_leaves_the_old_or_the_new_epoch(void)
{
    int n = 0, wrong = 0, saw[3] = {0}, status, left;

    do {
        pid_t pid;
        uint32_t removed;

        begin_renewal();
        fflush(stdout);

        pid = fork();
        if (pid == 0) {
            count_database_writes(1);
            expo_store_close(s);
            if (expo_store_open(dir, 0, &s, error, sizeof(error)) != EXPO_OK) {
                _exit(1);
            }
            faults_arm(n + 1, 0);
            _exit(renew(1) == EXPO_OK ? 0 : 2);
        }

        waitpid(pid, &status, 0);
        status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        close(volume.fd);
        close(thumbnail.fd);

        open_again(0);
        left = epoch_of_everything();
        saw[left]++;

        if ((status != FAULTS_DIED && status != 0) || left == 0 ||
            (status == 0 && left != 2) ||
            expo_store_reap(s, NOW, &removed) != EXPO_OK || files() != 2 ||
            !is_clean()) {
            printf("# call %d: status %d, epoch %d\n", n + 1, status, left);
            wrong++;
        }
        end();
    } while (status == FAULTS_DIED && ++n < 100);

    check(n > 5 && n < 100);
    check(saw[1] > 0 && saw[2] > 1);
    check(wrong == 0);
}

static expo_status_t
may(const expo_user_t *u, const expo_id_t *id)
{
    expo_id_t user;

    expo_store_user_id(&user, u->tag);

    return expo_store_may(s, id, &user);
}


static void
who_looks_may_until_somebody_says_no(void)
{
    expo_account_row_t a;
    expo_id_t other = fresh_id();

    begin_shared();
    check(may(&ann, &scan) == EXPO_OK && may(&bob, &scan) == EXPO_DENIED);
    share(EXPO_ROLE_VIEWER, NOW + 50);
    check(may(&bob, &scan) == EXPO_OK);
    check(may(&bob, &other) == EXPO_NOT_FOUND);

    randombytes_buf(&a, sizeof(a));
    a.recoverable = a.disabled = 0;
    a.since_s = 0;
    memcpy(a.sub_tag, bob.account, sizeof(a.sub_tag));
    check(expo_store_account_put(s, &a) == EXPO_OK);
    check(expo_store_account_disable(s, a.name_tag, 1) == EXPO_OK);
    check(may(&bob, &scan) == EXPO_DENIED && may(&ann, &scan) == EXPO_OK);
    check(expo_store_account_disable(s, a.name_tag, 0) == EXPO_OK);
    check(may(&bob, &scan) == EXPO_OK);

    check(expo_store_permission_delete(s, &scan, bob.tag) == EXPO_OK);
    check(may(&bob, &scan) == EXPO_DENIED);
    check(expo_store_scan_delete(s, &scan, 1) == EXPO_OK);
    check(may(&ann, &scan) == EXPO_NOT_FOUND);
    end();
}

int
main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }

    an_invitation_is_used_once_and_becomes_a_permission();
    what_has_expired_is_refused_from_that_second();
    who_has_access_already_keeps_the_better_role();
    a_permission_is_changed_by_who_has_read_it();
    a_deleted_permission_leaves_no_box();
    who_looks_may_until_somebody_says_no();
    a_scan_has_a_limited_number_of_invitations_and_permissions();
    a_deleted_scan_takes_invitations_and_permissions_along();
    a_scan_is_renewed_as_a_whole();
    a_change_meanwhile_refuses_the_renewal();
    death_at_any_call_leaves_the_old_or_the_new_epoch();

    return done();
}
