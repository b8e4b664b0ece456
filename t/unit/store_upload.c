/* Uploads in parts: what the store keeps of them, and what it lets go. */

#include "t/unit/store.h"

#include <sys/mman.h>
#include <sys/wait.h>

static expo_upload_t
upload_of(uint64_t length, uint64_t expires)
{
    expo_upload_t u = {.id = fresh_id(),
                       .epoch = 1,
                       .length = length,
                       .expires = expires,
                       .meta = (uint8_t *) "meta",
                       .meta_bytes = 4};

    memset(u.sealed, 0x5a, sizeof(u.sealed));

    return u;
}

/* A file of the header alone. */
static expo_blob_file_t
header_of(const expo_upload_t *u)
{
    expo_blob_file_t f = blob_of(&u->id, EXPO_BLOB_ORIGINAL, 0);

    check(ftruncate(f.fd, EXPO_BLOB_HEADER) == 0);
    f.bytes = EXPO_BLOB_HEADER;

    return f;
}

static expo_status_t
begun(const expo_user_t *user, expo_upload_t *u)
{
    expo_blob_file_t f = header_of(u);
    expo_status_t st = expo_store_upload_add(s, user->tag, u, &f);

    u->blob = f.id;
    close(f.fd);

    return st;
}

/* The whole of a short one: one chunk of `bytes`. */
static expo_status_t
finished(const expo_user_t *user, const expo_upload_t *u, uint64_t bytes)
{
    expo_scan_t scan = {.id = u->id,
                        .epoch = 1,
                        .revision = 1,
                        .meta = (uint8_t *) "first",
                        .meta_bytes = 5};
    expo_blob_file_t f = {.fd = -1,
                          .id = u->blob,
                          .kind = EXPO_BLOB_ORIGINAL,
                          .bytes = bytes + 144};
    expo_status_t st;

    memcpy(scan.sealed, u->sealed, sizeof(scan.sealed));
    st = expo_store_upload_open(s, &u->blob, 1, &f.fd);
    check(st == EXPO_OK && ftruncate(f.fd, (off_t) f.bytes) == 0);
    st = expo_store_upload_finish(s, user->tag, &scan, &f);
    close(f.fd);

    return st;
}

static void
an_upload_is_its_owners_alone(void)
{
    expo_upload_t u = upload_of(1000, 99), out;

    begin();

    check(begun(&ann, &u) == EXPO_OK);
    check(expo_store_upload(s, ann.tag, &u.id, &out) == EXPO_OK);
    check(out.length == 1000 && out.received == 0 && out.expires == 99 &&
          !out.whole && out.epoch == 1 && out.meta_bytes == 4 &&
          out.tail_bytes == 0 && memcmp(&out.blob, &u.blob, 16) == 0 &&
          memcmp(out.sealed, u.sealed, sizeof(u.sealed)) == 0);
    expo_store_upload_free(&out);

    check(expo_store_upload(s, bob.tag, &u.id, &out) == EXPO_NOT_FOUND);
    check(expo_store_upload_delete(s, bob.tag, &u.id) == EXPO_NOT_FOUND);
    check(files() == 1 && is_clean());

    check(expo_store_upload_delete(s, ann.tag, &u.id) == EXPO_OK);
    check(expo_store_upload(s, ann.tag, &u.id, &out) == EXPO_NOT_FOUND);
    check(files() == 0 && is_clean());

    end();
}

static void
one_descriptor_at_a_time_writes(void)
{
    expo_upload_t u = upload_of(1000, 99);
    int first, second, reader;

    begin();
    check(begun(&ann, &u) == EXPO_OK);

    check(expo_store_upload_open(s, &u.blob, 1, &first) == EXPO_OK);
    check(expo_store_upload_open(s, &u.blob, 1, &second) == EXPO_CONFLICT);
    check(expo_store_upload_open(s, &u.blob, 0, &reader) == EXPO_OK);
    close(reader);
    close(first);
    check(expo_store_upload_open(s, &u.blob, 1, &second) == EXPO_OK);
    close(second);

    u.blob = fresh_id();
    check(expo_store_upload_open(s, &u.blob, 0, &first) == EXPO_NOT_FOUND);

    end();
}

static void
what_was_saved_is_there_when_the_store_opens_again(void)
{
    expo_upload_t u = upload_of(1000, 99), out;
    int fd;

    begin();
    check(begun(&ann, &u) == EXPO_OK);
    check(expo_store_upload_open(s, &u.blob, 1, &fd) == EXPO_OK);

    faults_arm(0, 0);
    check(expo_store_upload_save(s, &u.id, fd, 400, 120,
                                 (const uint8_t *) "tail", 4) == EXPO_OK);
    check(faults_log[0] == 'D');
    open_again(0);

    check(expo_store_upload(s, ann.tag, &u.id, &out) == EXPO_OK);
    check(out.received == 400 && out.expires == 120 && out.tail_bytes == 4 &&
          memcmp(out.tail, "tail", 4) == 0);
    expo_store_upload_free(&out);

    check(expo_store_upload_delete(s, ann.tag, &u.id) == EXPO_OK);
    check(expo_store_upload_save(s, &u.id, fd, 500, 120, NULL, 0) ==
          EXPO_NOT_FOUND);
    close(fd);

    end();
}

static void
a_whole_one_is_a_scan_and_remembers_it(void)
{
    expo_upload_t u = upload_of(1000, 99), out;
    uint32_t removed;
    expo_user_t user;

    begin();
    check(begun(&ann, &u) == EXPO_OK);
    check(finished(&ann, &u, 1000) == EXPO_OK);

    check(state(&ann, &u.id) == EXPO_SCAN_IMPORTING && files() == 1);
    check(expo_store_upload(s, ann.tag, &u.id, &out) == EXPO_OK);
    check(out.whole && out.received == 1000);
    expo_store_upload_free(&out);
    check(expo_store_user(s, ann.tag, &user) == EXPO_OK &&
          user.used_bytes == 65536);
    check(is_clean());

    check(expo_store_reap(s, 99, &removed) == EXPO_OK && removed == 0);
    check(expo_store_upload(s, ann.tag, &u.id, &out) == EXPO_NOT_FOUND);
    check(state(&ann, &u.id) == EXPO_SCAN_IMPORTING && is_clean());

    end();
}

static void
with_its_scan_goes_its_key(void)
{
    expo_upload_t u = upload_of(1000, 99), out;

    begin();
    check(begun(&ann, &u) == EXPO_OK);
    check(finished(&ann, &u, 1000) == EXPO_OK);
    check(expo_store_scan_delete(s, &u.id, 20001) == EXPO_OK);
    check(expo_store_upload(s, ann.tag, &u.id, &out) == EXPO_NOT_FOUND);
    check(files() == 0 && is_clean());
    end();
}

static void
the_reaper_takes_what_has_expired_and_nothing_else(void)
{
    expo_upload_t old = upload_of(1000, 99), young = upload_of(1000, 101), out;
    uint32_t removed;

    begin();
    check(begun(&ann, &old) == EXPO_OK && begun(&ann, &young) == EXPO_OK);

    check(expo_store_reap(s, 98, &removed) == EXPO_OK && removed == 0);
    check(files() == 2);
    check(expo_store_reap(s, 100, &removed) == EXPO_OK && removed == 1);
    check(expo_store_upload(s, ann.tag, &old.id, &out) == EXPO_NOT_FOUND);
    check(expo_store_upload(s, ann.tag, &young.id, &out) == EXPO_OK);
    expo_store_upload_free(&out);
    check(files() == 1 && is_clean());

    end();
}

static void
what_has_begun_counts_whole_against_the_quota(void)
{
    expo_upload_t u = upload_of(40 * MIB, 99), over = upload_of(25 * MIB, 99);
    expo_user_t user;

    begin();
    check(begun(&ann, &u) == EXPO_OK);
    check(expo_store_user(s, ann.tag, &user) == EXPO_OK &&
          user.used_bytes == 40 * MIB);
    check(begun(&ann, &over) == EXPO_NO_SPACE);
    check(begun(&bob, &over) == EXPO_OK);
    check(files() == 2 && is_clean());

    check(expo_store_upload_delete(s, ann.tag, &u.id) == EXPO_OK);
    over.id = fresh_id();
    check(begun(&ann, &over) == EXPO_OK);

    end();
}

static void
an_owner_has_a_limited_number_of_uploads(void)
{
    expo_upload_t u;
    int refused = 0;

    begin();

    for (int i = 0; i < EXPO_UPLOADS_MAX; i++) {
        u = upload_of(1, 99);
        refused += begun(&ann, &u) != EXPO_OK;
    }

    check(refused == 0);
    u = upload_of(1, 99);
    check(begun(&ann, &u) == EXPO_FULL);
    check(begun(&bob, &u) == EXPO_OK);
    check(files() == EXPO_UPLOADS_MAX + 1 && is_clean());

    end();
}

static void
an_upload_shorter_than_was_saved_is_said(void)
{
    expo_upload_t u = upload_of(1000, 99);
    int fd;

    begin();
    check(begun(&ann, &u) == EXPO_OK);
    check(expo_store_upload_open(s, &u.blob, 1, &fd) == EXPO_OK);
    check(expo_store_upload_save(s, &u.id, fd, 500, 99, NULL, 0) == EXPO_OK);
    check(!is_clean());
    check(ftruncate(fd, 2000) == 0 && is_clean());
    close(fd);
    end();
}

/* Begins an upload, saves half of it, finishes it; *told: so many worked. */
static expo_status_t
in_steps(expo_upload_t u, int *told)
{
    expo_status_t st;
    int fd;

    st = begun(&ann, &u);
    if (st != EXPO_OK) {
        return st;
    }
    *told = 1;

    st = expo_store_upload_open(s, &u.blob, 1, &fd);
    if (st != EXPO_OK) {
        return st;
    }

    st = ftruncate(fd, 1144) == 0
             ? expo_store_upload_save(s, &u.id, fd, 500, 99,
                                      (const uint8_t *) "tail", 4)
             : EXPO_IO;
    close(fd);
    if (st != EXPO_OK) {
        return st;
    }
    *told = 2;

    st = finished(&ann, &u, 1000);
    *told += st == EXPO_OK;

    return st;
}

/* How many of the steps there is something to see of; -1: of none of them. */
static int
seen_of(const expo_id_t *id)
{
    expo_upload_t u;
    int seen;

    if (expo_store_upload(s, ann.tag, id, &u) != EXPO_OK) {
        return state(&ann, id) == 0 ? 0 : -1;
    }

    seen = u.whole ? 3 : u.received == 500 ? 2 : u.received == 0 ? 1 : -1;
    expo_store_upload_free(&u);

    return (state(&ann, id) == EXPO_SCAN_IMPORTING) == (seen == 3) ? seen : -1;
}

static void
death_at_any_call_loses_nothing_that_was_told(void)
{
    int *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status, seen, n = 0, wrong = 0;
    uint32_t removed;
    pid_t pid;

    begin();

    do {
        expo_upload_t u = upload_of(1000, 99);

        *told = 0;
        expo_store_close(s);
        s = NULL;
        fflush(stdout);
        n++;

        pid = fork();
        if (pid == 0) {
            if (expo_store_open(dir, 0, &s, error, sizeof(error)) != EXPO_OK) {
                _exit(1);
            }
            count_database_writes(1);
            faults_arm(n, 0);
            _exit(in_steps(u, told) == EXPO_OK ? 0 : 2);
        }

        waitpid(pid, &status, 0);
        status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        expo_store_open(dir, 0, &s, error, sizeof(error));

        seen = s != NULL ? seen_of(&u.id) : -1;
        if ((status != FAULTS_DIED && status != 0) || seen < *told ||
            seen > *told + 1 || expo_store_reap(s, 98, &removed) != EXPO_OK ||
            !is_clean()) {
            printf("# call %d: status %d, told %d, seen %d\n", n, status, *told,
                   seen);
            wrong++;
        }

        expo_store_scan_delete(s, &u.id, 20001);
        expo_store_reap(s, 100, &removed);
        wrong += files() != 0;
    } while (status == FAULTS_DIED && n < 200);

    check(n > 10 && n < 200);
    check(wrong == 0);

    munmap(told, sizeof(*told));
    end();
}


int
main(void)
{
    check(sodium_init() >= 0);

    an_upload_is_its_owners_alone();
    one_descriptor_at_a_time_writes();
    what_was_saved_is_there_when_the_store_opens_again();
    a_whole_one_is_a_scan_and_remembers_it();
    with_its_scan_goes_its_key();
    the_reaper_takes_what_has_expired_and_nothing_else();
    what_has_begun_counts_whole_against_the_quota();
    an_owner_has_a_limited_number_of_uploads();
    an_upload_shorter_than_was_saved_is_said();
    death_at_any_call_loses_nothing_that_was_told();

    return done();
}
