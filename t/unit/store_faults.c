/*
 * The store when a call fails, and when the process dies, at every call in
 * turn.
 */

#include "t/unit/store.h"

#include <sys/wait.h>


static void
files_are_durable_before_rows_and_rows_before_unlinks(void)
{
    expo_id_t id = fresh_id();
    const char *p;

    begin();
    count_database_writes(1);
    open_again(0);

    faults_arm(0, 0);
    check(add(&ann, &id, 1000) == EXPO_OK);
    check(strncmp(faults_log, "ODLFP", 5) == 0);
    check(strspn(faults_log + 4, "P") == strlen(faults_log + 4));

    faults_arm(0, 0);
    check(ready(&id) == EXPO_OK);
    p = faults_log;
    check(strncmp(p, "OODDLFLFP", 9) == 0);
    p += 8 + strspn(p + 8, "P");
    check(strncmp(p, "UFP", 3) == 0);

    faults_arm(0, 0);
    check(expo_store_scan_delete(s, &id, 20001) == EXPO_OK);
    p = faults_log + strspn(faults_log, "P");
    check(p > faults_log && strncmp(p, "UUFP", 4) == 0);

    count_database_writes(0);
    end();
}

typedef expo_status_t (*operation_t)(const expo_id_t *id);

static expo_status_t
op_add(const expo_id_t *id)
{
    return add(&ann, id, 1000);
}

static expo_status_t
op_ready(const expo_id_t *id)
{
    return ready(id);
}

static expo_status_t
op_failed(const expo_id_t *id)
{
    return fail(id);
}

static expo_status_t
op_delete(const expo_id_t *id)
{
    return expo_store_scan_delete(s, id, 20001);
}

static const struct {
    operation_t run;
    int before, after; /* states; 0 is «not there» */
} operations[] = {{op_add, 0, EXPO_SCAN_IMPORTING},
                  {op_ready, EXPO_SCAN_IMPORTING, EXPO_SCAN_READY},
                  {op_failed, EXPO_SCAN_IMPORTING, EXPO_SCAN_FAILED},
                  {op_delete, EXPO_SCAN_IMPORTING, 0}};

/* blob_of ends the test when there is no blob, so its openat is let through. */
static int
first_call(operation_t run)
{
    return run == op_add ? 2 : run == op_ready ? 3 : 1;
}

static int
calls_of(operation_t run, int before)
{
    expo_id_t id = fresh_id();

    if (before != 0) {
        faults_arm(0, 0);
        add(&ann, &id, 1000);
    }

    faults_arm(0, 0);
    run(&id);

    return faults_seen;
}

static void
any_failing_call_leaves_the_old_or_the_new_state(void)
{
    static const int errors[] = {EIO, ENOSPC, EDQUOT};

    begin();
    count_database_writes(1);
    open_again(0);

    for (size_t o = 0; o < 4; o++) {
        int calls = calls_of(operations[o].run, operations[o].before);
        int wrong = 0, refused = 0;

        for (int i = 3 * first_call(operations[o].run); i < 3 * calls + 3;
             i++) {
            expo_id_t id = fresh_id();
            uint32_t removed;
            expo_status_t st;
            int was_added = 1, now, had;

            faults_arm(0, 0);
            if (operations[o].before != 0) {
                was_added = add(&ann, &id, 1000) == EXPO_OK;
            }

            had = files();
            faults_arm(i / 3, errors[i % 3]);
            st = operations[o].run(&id);
            faults_arm(0, 0);

            now = state(&ann, &id);
            refused += st != EXPO_OK;

            if (!was_added ||
                now != (st == EXPO_OK ? operations[o].after
                                      : operations[o].before) ||
                (st != EXPO_OK && errors[i % 3] != EIO &&
                 (st != EXPO_NO_SPACE || files() != had)) ||
                expo_store_reap(s, 0, &removed) != EXPO_OK || !is_clean()) {
                printf("# operation %zu, call %d of %d, %s: %s, state %d\n", o,
                       i / 3, calls, strerror(errors[i % 3]),
                       expo_status_name(st), now);
                wrong++;
            }

            expo_store_scan_delete(s, &id, 20001);
        }

        check(calls > 3);
        check(refused > 0);
        check(wrong == 0);
    }

    count_database_writes(0);
    end();
}

/* The child dies at the n-th call of an operation on a store of its own. */
static int
die_at(operation_t run, const expo_id_t *id, int n)
{
    int status = 0;
    pid_t pid;

    expo_store_close(s);
    s = NULL;
    fflush(stdout);

    pid = fork();
    if (pid == 0) {
        if (expo_store_open(dir, 0, &s, error, sizeof(error)) != EXPO_OK) {
            _exit(1);
        }
        count_database_writes(1);
        faults_arm(n, 0);
        _exit(run(id) == EXPO_OK ? 0 : 2);
    }

    waitpid(pid, &status, 0);

    if (expo_store_open(dir, 0, &s, error, sizeof(error)) != EXPO_OK) {
        return -1;
    }

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
death_at_any_call_leaves_the_old_or_the_new_state(void)
{
    begin();

    for (size_t o = 0; o < 4; o++) {
        int wrong = 0, n = 0, exit_status;

        do {
            expo_id_t id = fresh_id();
            uint32_t removed;
            int now;

            faults_arm(0, 0);
            if (operations[o].before != 0) {
                add(&ann, &id, 1000);
            }

            exit_status = die_at(operations[o].run, &id, ++n);
            now = s != NULL ? state(&ann, &id) : -1;

            if ((exit_status != FAULTS_DIED && exit_status != 0) ||
                (now != operations[o].before && now != operations[o].after) ||
                expo_store_reap(s, 0, &removed) != EXPO_OK || !is_clean()) {
                printf("# operation %zu, call %d: status %d, state %d\n", o, n,
                       exit_status, now);
                wrong++;
            }

            expo_store_scan_delete(s, &id, 20001);
        } while (exit_status == FAULTS_DIED && n < 100);

        check(n > 5 && n < 100);
        check(wrong == 0);
        check(files() == 0);
    }

    end();
}

/* One page after the other is not what was written. */
static void
a_damaged_page_is_answered_and_no_other_is_touched(void)
{
    static const uint8_t noise[64] = {0xa5, 0x5a, 0xff, 1, 2, 3};
    char path[96];
    uint8_t page[4096];
    int wrong = 0, refused = 0, pages = 0, fd;
    expo_id_t id = fresh_id();

    begin();
    check(add(&ann, &id, 1000) == EXPO_OK && ready(&id) == EXPO_OK);
    expo_store_close(s); /* all of it is in the database then */
    s = NULL;

    snprintf(path, sizeof(path), "%s/store.db", dir);
    fd = open(path, O_RDWR | O_CLOEXEC);

    for (off_t at = 0; pread(fd, page, sizeof(page), at) == sizeof(page);
         at += (off_t) sizeof(page), pages++) {
        expo_scan_t *list = NULL;
        uint32_t removed;
        size_t n = 0;
        expo_status_t st;

        wrong += pwrite(fd, noise, sizeof(noise), at) != sizeof(noise);

        st = expo_store_open(dir, 0, &s, error, sizeof(error));
        if (st == EXPO_OK) {
            st = expo_store_scans(s, ann.tag, 0, &list, &n);
            while (n > 0) {
                expo_store_scan_free(&list[--n]);
            }
            free(list);
            if (st == EXPO_OK && !is_clean()) {
                st = EXPO_CORRUPT;
            }
            expo_store_reap(s, 0, &removed);
            expo_store_close(s);
            s = NULL;
        }
        refused += st == EXPO_CORRUPT || st == EXPO_NOT_FOUND;

        wrong += pwrite(fd, page, sizeof(page), at) != sizeof(page);
    }

    close(fd);
    check(pages > 10 && wrong == 0);
    check(refused > pages / 2);
    printf("# %d of %d pages are missed\n", refused, pages);

    open_again(0);
    check(state(&ann, &id) == EXPO_SCAN_READY && is_clean() && files() == 2);
    end();
}

int
main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }

    files_are_durable_before_rows_and_rows_before_unlinks();
    any_failing_call_leaves_the_old_or_the_new_state();
    death_at_any_call_leaves_the_old_or_the_new_state();
    a_damaged_page_is_answered_and_no_other_is_touched();

    return done();
}
