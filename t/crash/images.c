/*
 * The store after its machine lost power at any step of anything it does:
 * what it says was done is there, what was under way is there whole or not at
 * all, no row is without its whole file and, once reaped, no file without a
 * row. Three models of the disk (t/crash/disk.h).
 *
 * EXPO_CRASH_SEEDS: images of the third model a step, 3 unless told.
 */

#include "t/crash/disk.h"
#include "t/crash/life.h"

#define DIGEST 32
#define OPERATIONS 100

static const char *const folders[DISK_FOLDERS] = {"", "blobs"};
static char recorded[64], broken[64];
static const life_t *life;
static int life_count, life_gone_at;
static uint8_t after[OPERATIONS][DIGEST]; /* what each operation left */


/* --- what a store holds --- */

static void
digest_value(crypto_generichash_state *h, sqlite3_stmt *q, int column)
{
    int type = sqlite3_column_type(q, column);
    int64_t n = type == SQLITE_INTEGER ? sqlite3_column_int64(q, column)
                                       : sqlite3_column_bytes(q, column);

    crypto_generichash_update(h, (const uint8_t *) &type, sizeof(type));
    crypto_generichash_update(h, (const uint8_t *) &n, sizeof(n));

    if (type == SQLITE_BLOB || type == SQLITE_TEXT) {
        crypto_generichash_update(h, sqlite3_column_blob(q, column),
                                  (size_t) n);
    }
}

/* Of every row, in order; of a tombstone, which is no promise, nothing. */
static void
digest_table(crypto_generichash_state *h, const char *table)
{
    char sql[128];
    sqlite3_stmt *q;

    snprintf(sql, sizeof(sql), "SELECT * FROM %s ORDER BY 1, 2", table);
    sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);

    while (sqlite3_step(q) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(q); i++) {
            digest_value(h, q, i);
        }
    }

    sqlite3_finalize(q);
}

/* An upload's file counts as far as its row says. */
static void
digest_files(crypto_generichash_state *h)
{
    static uint8_t bytes[1 << 20];
    char path[256], name[EXPO_ID_TEXT + 1];
    expo_id_t id;
    sqlite3_stmt *q;
    ssize_t n;
    int fd;

    sqlite3_prepare_v2(s->db,
                       "SELECT id, bytes FROM blobs UNION ALL SELECT blob_id,"
                       " 128 + received / 4096 * 4112 FROM uploads"
                       " WHERE blob_id IS NOT NULL ORDER BY 1",
                       -1, &q, NULL);

    while (sqlite3_step(q) == SQLITE_ROW) {
        memcpy(id.b, sqlite3_column_blob(q, 0), sizeof(id.b));
        expo_id_print(name, &id);
        snprintf(path, sizeof(path), "%s/blobs/%s", dir, name);

        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, bytes, (size_t) sqlite3_column_int64(q, 1)) : -1;
        crypto_generichash_update(h, bytes, n > 0 ? (size_t) n : 0);
        if (fd >= 0) {
            close(fd);
        }
    }

    sqlite3_finalize(q);
}

static void
digest(uint8_t out[DIGEST])
{
    crypto_generichash_state h;
    sqlite3_stmt *q;

    crypto_generichash_init(&h, NULL, 0, DIGEST);

    sqlite3_prepare_v2(s->db,
                       "SELECT name FROM sqlite_schema WHERE type = 'table'"
                       " AND name <> 'blob_gc' ORDER BY 1",
                       -1, &q, NULL);
    while (sqlite3_step(q) == SQLITE_ROW) {
        digest_table(&h, (const char *) sqlite3_column_text(q, 0));
    }
    sqlite3_finalize(q);

    digest_files(&h);
    crypto_generichash_final(&h, out, DIGEST);
}


/* --- a life, and its ends --- */

/* In memory, where there is more of it than the store keeps free. */
static void
folder_begin(char path[64])
{
    struct statvfs v;
    char blobs[80];
    int room = statvfs("/dev/shm", &v) == 0 &&
               (uint64_t) v.f_bavail * v.f_frsize > 4ull * STORE_RESERVE;

    strcpy(path, room && access("/dev/shm", W_OK) == 0
                     ? "/dev/shm/expo-crash-XXXXXX"
                     : "/tmp/expo-crash-XXXXXX");
    check(mkdtemp(path) != NULL);
    snprintf(blobs, sizeof(blobs), "%s/blobs", path);
    check(mkdir(blobs, 0700) == 0);
}

static void
folder_end(const char *path)
{
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
record(const life_t *operations)
{
    size_t before = 0;
    int i;

    disk_forget();
    folder_begin(recorded);
    strcpy(dir, recorded);
    disk_record(recorded, folders);
    life = operations;

    for (i = 0; life[i].name != NULL && i < OPERATIONS; i++) {
        disk_operation(i);
        check(life[i].run() == life[i].answer);

        if (life_gone == NULL) {
            life_gone_at = i;
        }

        if (s != NULL) {
            digest(after[i]);
        } else if (i > 0) {
            memcpy(after[i], after[i - 1], DIGEST);
        }

        printf("# %s: %zu steps\n", life[i].name, disk_step_count - before);
        before = disk_step_count;
    }

    life_count = i;
    disk_record(NULL, NULL);
    folder_end(recorded);
}

/* Whether bytes that were erased still stand in the database or its log. */
static int
holds(const uint8_t *bytes, size_t len)
{
    static const char *const names[] = {"store.db", "store.db-wal"};
    static uint8_t file[1 << 22];
    char path[96];
    ssize_t n;
    int fd, found = 0;

    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, file, sizeof(file)) : 0;
        found |= n > 0 && memmem(file, (size_t) n, bytes, len) != NULL;
        if (fd >= 0) {
            close(fd);
        }
    }

    return found;
}

/*
 * Whether the store comes back from the image in dir to what may be there
 * when the first `done` operations had been answered, and the next one had
 * begun or not.
 */
static int
comes_back(int done_count, int begun)
{
    uint32_t removed;
    uint8_t found[DIGEST];
    int whole;

    if (expo_store_open(dir, done_count == 0, &s, error, sizeof(error)) !=
        EXPO_OK) {
        return 0;
    }

    whole = expo_store_reap(s, 0, &removed) == EXPO_OK && is_clean();
    if (whole) {
        digest(found);
        whole = (done_count > 0 &&
                 memcmp(found, after[done_count - 1], DIGEST) == 0) ||
                (begun && memcmp(found, after[done_count], DIGEST) == 0);
    }

    if (life_gone != NULL && done_count > life_gone_at + 1) {
        whole &= !holds(life_gone, 32);
    }

    expo_store_close(s);
    s = NULL;

    return whole;
}

/* One point and one model; says what is wrong of the first few. */
static int
survives(const disk_t *d, size_t step, disk_model_t model, uint32_t seed,
         int quiet)
{
    static int told;
    int answered, begun;

    /* Between two operations the first was answered. */
    answered = step < disk_step_count ? disk_steps[step].operation : life_count;
    begun = step > 0 && disk_steps[step - 1].operation == answered;

    /* Of a store that is being made nothing has been promised. */
    begun |= answered == 0;

    disk_image(d, model, seed, dir, folders);
    if (comes_back(answered, begun)) {
        return 1;
    }

    if (!quiet && told++ < 10) {
        printf("# lost at step %zu (%s), model %d, seed %u\n", step,
               begun ? life[answered].name : "between", (int) model, seed);
    }

    return 0;
}

/* Images that were wrong, at every step from the first operation's on. */
static int
break_everywhere(int first, disk_without_t without, uint32_t seeds, int *images)
{
    disk_t *d = disk_new(without);
    int wrong = 0;

    strcpy(dir, broken);
    *images = 0;

    for (size_t i = 0; i <= disk_step_count; i++) {
        if (i < disk_step_count && disk_steps[i].operation < first) {
            disk_play(d, &disk_steps[i]);
            continue;
        }

        wrong += !survives(d, i, DISK_ALL, 1, without != NULL);
        wrong += !survives(d, i, DISK_SYNCED, 1, without != NULL);
        *images += 2;

        for (uint32_t seed = 1; seed <= seeds; seed++) {
            wrong += !survives(d, i, DISK_SOME, (uint32_t) i * 7919 + seed,
                               without != NULL);
            ++*images;
        }

        if (i < disk_step_count) {
            disk_play(d, &disk_steps[i]);
        }
    }

    disk_free(d);

    return wrong;
}

static uint32_t
seeds(void)
{
    const char *text = getenv("EXPO_CRASH_SEEDS");

    return text != NULL ? (uint32_t) atoi(text) : 3;
}

static void
no_loss_of_power_breaks_a_promise(void)
{
    int images, wrong;

    wrong = break_everywhere(0, NULL, seeds(), &images);
    printf("# %zu steps of %d operations, %d images, %d wrong\n",
           disk_step_count, life_count, images, wrong);

    check(disk_step_count > 400);
    check(seeds() < 3 || images >= 3000);
    check(wrong == 0);
}

/* Whatever is found is migrated when it is opened: there is one right state. */
static void
nor_while_an_older_store_is_migrated(void)
{
    for (life_version = 1; life_version < STORE_SCHEMA; life_version++) {
        int images, wrong;

        record(life_migrates);
        memcpy(after[0], after[1], DIGEST);
        wrong = break_everywhere(1, NULL, seeds(), &images);
        printf("# from schema %d: %d images, %d wrong\n", life_version, images,
               wrong);
        check(images > 40 && wrong == 0);
    }
}


/* --- that it would be noticed --- */

static int
is_named(int file, int folder, const char *name)
{
    for (size_t i = 0; i < disk_step_count; i++) {
        const disk_step_t *step = &disk_steps[i];

        if (step->kind == DISK_NAME_SET && step->file == file &&
            step->folder == folder &&
            (name == NULL || strcmp(step->name, name) == 0)) {
            return 1;
        }
    }

    return 0;
}

static int
without_sync_of_blobs(const disk_step_t *step)
{
    return step->kind == DISK_SYNC && is_named(step->file, 1, NULL);
}

static int
without_sync_of_their_folder(const disk_step_t *step)
{
    return step->kind == DISK_FOLDER_SYNC && step->folder == 1;
}

static int
without_sync_of_the_log(const disk_step_t *step)
{
    return step->kind == DISK_SYNC && is_named(step->file, 0, "store.db-wal");
}

static int
without_sync_of_the_database(const disk_step_t *step)
{
    return step->kind == DISK_SYNC && is_named(step->file, 0, "store.db");
}

static void
a_sync_that_is_left_out_is_noticed(void)
{
    int images;

    check(break_everywhere(0, without_sync_of_blobs, 0, &images) > 0);
    check(break_everywhere(0, without_sync_of_their_folder, 0, &images) > 0);
    check(break_everywhere(0, without_sync_of_the_log, 0, &images) > 0);
    check(break_everywhere(0, without_sync_of_the_database, 0, &images) > 0);
}

int
main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }

    folder_begin(broken);

    record(life_whole);
    no_loss_of_power_breaks_a_promise();
    a_sync_that_is_left_out_is_noticed();
    nor_while_an_older_store_is_migrated();

    disk_forget();
    folder_end(broken);

    return done();
}
