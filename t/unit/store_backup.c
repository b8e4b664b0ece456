/* Backups of a store that is in use, and stores from backups. */

#include "t/unit/store.h"

#include <signal.h>
#include <sys/wait.h>

#define NOW (20001 * 86400ull)

static char to[128], back[128];


static void
begin_both(void)
{
    begin();
    snprintf(to, sizeof(to), "%s/backup", dir);
    snprintf(back, sizeof(back), "%s/restored", dir);
}

static expo_status_t
restore(uint64_t now, const expo_erasure_t *list, size_t n, uint32_t *again)
{
    expo_backup_t about;

    return expo_store_restore(to, back, now, list, n, &about, again, error,
                              sizeof(error));
}

static void
a_restored_backup_is_the_store_it_was_made_of(void)
{
    expo_id_t ids[3] = {fresh_id(), fresh_id(), fresh_id()}, begun = fresh_id();
    expo_upload_t u = {
        .id = begun, .epoch = 1, .length = 9, .expires = ~0ull / 4};
    expo_blob_file_t f;
    expo_backup_t about;
    expo_store_t *r;
    expo_scan_t scan;
    uint32_t again;
    uint8_t *p;

    begin_both();
    check(add(&ann, &ids[0], 1000) == EXPO_OK && ready(&ids[0]) == EXPO_OK);
    check(add(&ann, &ids[1], 1000) == EXPO_OK && fail(&ids[1]) == EXPO_OK);
    check(add(&bob, &ids[2], 70000) == EXPO_OK);
    f = blob_of(&begun, EXPO_BLOB_ORIGINAL, 100);
    check(expo_store_upload_add(s, ann.tag, &u, &f) == EXPO_OK);
    close(f.fd);

    check(expo_store_backup(s, to, NOW, &about, error, sizeof(error)) ==
          EXPO_OK);
    check(about.scans == 3 && about.blobs == 3 && about.day == 20001);
    check(expo_store_backup(s, to, NOW, &about, error, sizeof(error)) ==
          EXPO_CONFLICT);

    /* What happens afterwards is not in it. */
    check(expo_store_scan_delete(s, &ids[0], 20001) == EXPO_OK);

    check(restore(NOW, NULL, 0, &again) == EXPO_OK && again == 0);
    check(restore(NOW, NULL, 0, &again) == EXPO_CONFLICT);
    check(expo_store_open(back, 0, &r, error, sizeof(error)) == EXPO_OK);
    said = 0;
    check(expo_store_check(r, say, NULL) == EXPO_OK && said == 0);
    check(expo_store_scan(r, ann.tag, &ids[0], 0, &scan) == EXPO_OK &&
          scan.state == EXPO_SCAN_READY && scan.meta_bytes == 6);
    p = scan.sealed;
    check(memcmp(p, ids[0].b, 16) == 0 && p[111] == 0x5a);
    expo_store_scan_free(&scan);
    check(expo_store_upload(r, ann.tag, &begun, &u) == EXPO_NOT_FOUND);
    expo_store_close(r);
    end();
}

static void
the_erased_stays_erased(void)
{
    expo_id_t hers = fresh_id(), his = fresh_id(), stays = fresh_id();
    expo_erasure_t *list;
    expo_backup_t about;
    expo_lost_t *lost;
    expo_user_t user;
    expo_scan_t scan;
    expo_store_t *r;
    uint32_t again;
    size_t n;

    begin_both();
    check(add(&ann, &hers, 10) == EXPO_OK && add(&bob, &his, 10) == EXPO_OK &&
          add(&bob, &stays, 10) == EXPO_OK);
    check(expo_store_backup(s, to, NOW, &about, error, sizeof(error)) ==
          EXPO_OK);

    check(expo_store_user_erase(s, ann.tag, 20001, &lost, &n) == EXPO_OK);
    free(lost);
    check(expo_store_scan_delete(s, &his, 20001) == EXPO_OK);
    check(expo_store_erasures(s, &list, &n) == EXPO_OK && n == 3);

    check(restore(NOW, list, n, &again) == EXPO_OK && again == 3);
    free(list);
    check(expo_store_open(back, 0, &r, error, sizeof(error)) == EXPO_OK);
    check(expo_store_user(r, ann.tag, &user) == EXPO_NOT_FOUND);
    check(expo_store_scan(r, bob.tag, &his, 0, &scan) == EXPO_NOT_FOUND);
    check(expo_store_scan(r, bob.tag, &stays, 0, &scan) == EXPO_OK);
    expo_store_scan_free(&scan);
    expo_store_close(r);
    end();
}

static void
what_is_no_backup_or_too_old_or_damaged_is_refused(void)
{
    expo_id_t id = fresh_id();
    char path[256];
    expo_backup_t about;
    uint32_t again;

    begin_both();
    check(add(&ann, &id, 1000) == EXPO_OK);
    check(restore(NOW, NULL, 0, &again) == EXPO_NOT_FOUND);
    check(strstr(error, "no whole backup") != NULL);

    check(expo_store_backup(s, to, NOW, &about, error, sizeof(error)) ==
          EXPO_OK);
    check(restore(NOW + (EXPO_BACKUP_DAYS + 1) * 86400ull, NULL, 0, &again) ==
          EXPO_EXPIRED);

    snprintf(path, sizeof(path), "rm %s/blobs/*", to);
    check(system(path) == 0);
    check(restore(NOW, NULL, 0, &again) == EXPO_CORRUPT);
    check(strstr(error, "do not agree") != NULL);
    check(access(back, F_OK) < 0);
    snprintf(path, sizeof(path), "%s.partial", back);
    check(access(path, F_OK) < 0);
    end();
}

/* One process adds and deletes as fast as it can, another one backs up. */
static void
a_backup_under_load_has_every_file_of_its_rows(void)
{
    expo_backup_t about;
    uint32_t again;
    int status, good = 0, running = 1;
    expo_status_t made;
    pid_t pid;

    begin_both();

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        expo_id_t ids[8];

        open_again(0);
        for (int i = 0; i < 100000; i++) {
            if (i >= 8) {
                expo_store_scan_delete(s, &ids[i % 8], 20001);
            }
            ids[i % 8] = fresh_id();
            add(&ann, &ids[i % 8], 100);
        }
        _exit(0);
    }

    for (int i = 0; i < 12; i++) {
        usleep(20000);
        snprintf(to, sizeof(to), "%s/backup%d", dir, i);
        snprintf(back, sizeof(back), "%s/restored%d", dir, i);
        made = expo_store_backup(s, to, NOW, &about, error, sizeof(error));
        good += made == EXPO_OK && restore(NOW, NULL, 0, &again) == EXPO_OK;
        if (made != EXPO_OK) {
            printf("# %s: %s\n", expo_status_name(made), error);
        }
        running &= waitpid(pid, &status, WNOHANG) == 0;
    }
    check(good == 12);
    check(running);

    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    end();
}

static void
a_failed_call_leaves_no_backup(void)
{
    expo_id_t id = fresh_id();
    expo_backup_t about;
    expo_status_t st = EXPO_IO;
    char path[256];
    int failed = 0, reached = 1;

    for (int at = 1; reached && at < 200; at++) {
        begin_both();
        add(&ann, &id, 100);
        faults_arm(at, ENOSPC);
        st = expo_store_backup(s, to, NOW, &about, error, sizeof(error));
        reached = faults_seen >= at;
        faults_arm(0, 0);
        snprintf(path, sizeof(path), "%s.partial", to);
        if (st != EXPO_OK) {
            failed++;
            /* Only the last sync comes after the name. */
            if (access(to, F_OK) == 0 &&
                restore(NOW, NULL, 0, &(uint32_t){0}) != EXPO_OK) {
                check(!"there is no half backup");
            }
            if (access(path, F_OK) == 0) {
                check(!"nothing is left");
            }
        }
        check(is_clean());
        end();
    }
    check(st == EXPO_OK && failed > 3);
}

int
main(void)
{
    a_restored_backup_is_the_store_it_was_made_of();
    the_erased_stays_erased();
    what_is_no_backup_or_too_old_or_damaged_is_refused();
    a_backup_under_load_has_every_file_of_its_rows();
    a_failed_call_leaves_no_backup();

    return done();
}
