/*
 * What is stored, changed behind our back: every bit of a header and of a
 * sealed key, bits all over the chunks, cuts, swaps, repeats, additions, things
 * of another scan, user, role, epoch or age. All is refused, and not a byte of
 * a chunk that is not right comes out. With the reader that render-workers use,
 * then with vault-open on a folder of vault-seal.
 */

#include "render-worker/blob_io.c"

#include <sodium.h>

#include "t/lib/worker_client.h"
#include "t/unit/check.h"

#define CHUNK 4096
#define SEALED (CHUNK + EXPO_BLOB_TAG)
#define CHUNKS 6
#define LAST 1000
#define PLAIN ((CHUNKS - 1) * CHUNK + LAST)
#define FILE_BYTES (EXPO_BLOB_HEADER + PLAIN + CHUNKS * EXPO_BLOB_TAG)

typedef struct {
    uint8_t dek[32];
    expo_id_t scan, id;
    uint32_t epoch;
    uint8_t plain[PLAIN];
    uint8_t file[FILE_BYTES];
} stored_t;

static stored_t first, second;
static uint8_t changed[2 * FILE_BYTES];
static size_t changed_bytes;
static int file_fd;


static int
store_blob(stored_t *b)
{
    uint8_t salt[32];
    uint64_t bytes;
    expo_blob_t blob;

    randombytes_buf(&b->id, sizeof(b->id));
    randombytes_buf(salt, sizeof(salt));
    randombytes_buf(b->plain, sizeof(b->plain));

    return expo_vault_blob_new(&blob, b->dek, b->epoch, &b->scan, &b->id,
                               EXPO_BLOB_VOLUME, 12, salt) == EXPO_OK &&
           ftruncate(file_fd, 0) == 0 &&
           blob_save(&blob, file_fd, b->plain, PLAIN, &bytes) == EXPO_OK &&
           bytes == FILE_BYTES &&
           pread(file_fd, b->file, FILE_BYTES, 0) == FILE_BYTES;
}

static void
begin(void)
{
    file_fd = memfd_create("tamper", MFD_CLOEXEC);

    randombytes_buf(&first, sizeof(first));
    randombytes_buf(&second, sizeof(second));
    first.epoch = 1;
    second.epoch = 1;
    check(store_blob(&first) && store_blob(&second));
}

static void
as_stored(void)
{
    memcpy(changed, first.file, FILE_BYTES);
    changed_bytes = FILE_BYTES;
}

/*
 * Opens what lies in changed as what it should be, and reads it to its end or
 * its first refusal. -1: something came out that was not put in; 1: all of it
 * was taken.
 */
static int
taken(void)
{
    uint8_t out[CHUNK];
    blob_reader_t r;
    expo_blob_t blob;
    uint64_t at = 0;
    size_t n;
    int rc = 0;

    if (changed_bytes < EXPO_BLOB_HEADER ||
        expo_vault_blob_open(&blob, changed, first.dek, &first.scan, &first.id,
                             EXPO_BLOB_VOLUME) != EXPO_OK ||
        ftruncate(file_fd, 0) < 0 ||
        pwrite(file_fd, changed, changed_bytes, 0) != (ssize_t) changed_bytes ||
        blob_reader_open(&r, &blob, file_fd) != EXPO_OK) {
        return 0;
    }

    do {
        memset(out, 0, sizeof(out));

        if (r.chunk > CHUNK || blob_read(&r, out, &n) != EXPO_OK) {
            rc = sodium_is_zero(out, sizeof(out)) ? 0 : -1;
            break;
        }

        if (at + n > PLAIN || memcmp(out, first.plain + at, n) != 0) {
            rc = -1;
            break;
        }

        at += n;
        rc = at == PLAIN;
    } while (n > 0);

    blob_reader_close(&r);

    return rc;
}

static void
no_flipped_bit_is_taken(void)
{
    int wrong = 0, tried = 0;

    as_stored();
    check(taken() == 1);

    /* the header bit by bit, chunks at every 13th */
    for (size_t bit = 0; bit < 8 * FILE_BYTES;
         bit += bit < 8 * EXPO_BLOB_HEADER ? 1 : 13) {
        changed[bit / 8] ^= (uint8_t) (1 << bit % 8);
        wrong += taken() != 0;
        changed[bit / 8] ^= (uint8_t) (1 << bit % 8);
        tried++;
    }

    check(tried > 8 * EXPO_BLOB_HEADER + 12000);
    check(wrong == 0);
}

static void
no_cut_or_addition_is_taken(void)
{
    int wrong = 0;

    /* every length up to a chunk more than there is */
    for (size_t n = 0; n <= FILE_BYTES + SEALED; n++) {
        as_stored();
        memset(changed + FILE_BYTES, 0, SEALED);
        changed_bytes = n;
        wrong += n != FILE_BYTES && taken() != 0;
    }
    check(wrong == 0);

    /* a chunk of its own behind it, and all of it twice */
    as_stored();
    memcpy(changed + FILE_BYTES, first.file + EXPO_BLOB_HEADER, SEALED);
    changed_bytes += SEALED;
    check(taken() == 0);

    as_stored();
    memcpy(changed + FILE_BYTES, first.file + EXPO_BLOB_HEADER,
           FILE_BYTES - EXPO_BLOB_HEADER);
    changed_bytes += FILE_BYTES - EXPO_BLOB_HEADER;
    check(taken() == 0);
}

static uint8_t *
chunk_of(uint8_t *file, int i)
{
    return file + EXPO_BLOB_HEADER + i * SEALED;
}

static void
no_chunk_is_taken_elsewhere(void)
{
    int wrong = 0;

    for (int i = 0; i < CHUNKS; i++) {
        for (int j = 0; j < CHUNKS; j++) {
            size_t n = i == CHUNKS - 1 || j == CHUNKS - 1 ? LAST + EXPO_BLOB_TAG
                                                          : SEALED;

            if (i == j) {
                continue;
            }

            /* repeated, then swapped */
            as_stored();
            memcpy(chunk_of(changed, i), chunk_of(first.file, j), n);
            wrong += taken() != 0;
            memcpy(chunk_of(changed, j), chunk_of(first.file, i), n);
            wrong += taken() != 0;
        }

        /* left out; of another scan; doubled where it stands */
        as_stored();
        memmove(chunk_of(changed, i), chunk_of(first.file, i + 1),
                i < CHUNKS - 1 ? (size_t) (FILE_BYTES - EXPO_BLOB_HEADER -
                                           (i + 1) * SEALED)
                               : 0);
        changed_bytes -= i < CHUNKS - 1 ? SEALED : LAST + EXPO_BLOB_TAG;
        wrong += taken() != 0;

        as_stored();
        memcpy(chunk_of(changed, i), chunk_of(second.file, i),
               i < CHUNKS - 1 ? SEALED : LAST + EXPO_BLOB_TAG);
        wrong += taken() != 0;

        as_stored();
        memcpy(chunk_of(changed, i) + SEALED, chunk_of(first.file, i),
               FILE_BYTES - EXPO_BLOB_HEADER - (size_t) i * SEALED);
        changed_bytes += SEALED;
        wrong += taken() != 0;
    }

    check(wrong == 0);
}

static void
no_other_blob_is_taken(void)
{
    stored_t old = first;

    memcpy(changed, second.file, FILE_BYTES);
    changed_bytes = FILE_BYTES;
    check(taken() == 0);

    /* its key, but another scan's name; chunks under the other's header */
    memcpy(changed + 20, first.file + 20, 32);
    check(taken() == 0);
    memcpy(changed, first.file, EXPO_BLOB_HEADER);
    check(taken() == 0);

    /* the version before this one: every version has an id of its own */
    check(store_blob(&first));
    memcpy(changed, old.file, FILE_BYTES);
    check(taken() == 0);
    memcpy(changed + 36, first.file + 36, 16);
    check(taken() == 0);

    /* another kind, by one who can write headers but has no key */
    as_stored();
    changed[13] = EXPO_BLOB_ORIGINAL;
    check(taken() == 0);
    as_stored();
    check(taken() == 1);
}


/* --- sealed keys --- */

typedef struct {
    uint8_t tag[EXPO_TAG], pk[32], sk[32];
    expo_id_t scan;
    uint32_t epoch;
    expo_role_t role;
} context_t;

static int
box_opens(const uint8_t box[EXPO_SEALED_KEY], const context_t *c)
{
    uint8_t dek[32] = {0};

    if (expo_vault_open_key(dek, box, &c->scan, c->tag, c->epoch, c->role,
                            c->pk, c->sk) == EXPO_OK) {
        return 1;
    }

    return sodium_is_zero(dek, sizeof(dek)) ? 0 : -1;
}

static void
a_box_opens_for_nobody_else_and_as_nothing_else(void)
{
    enum { SCANS = 2, USERS = 2, ROLES = 3, EPOCHS = 2, ALL = 24 };
    static uint8_t boxes[ALL][EXPO_SEALED_KEY];
    static context_t contexts[ALL];
    uint8_t salt[32], key[32];
    expo_names_t names;
    int wrong = 0, n = 0;

    randombytes_buf(key, sizeof(key));
    check(expo_vault_names(&names, key) == EXPO_OK);

    for (int i = 0; i < ALL; i++) {
        context_t *c = &contexts[i];

        memset(salt, i % USERS, sizeof(salt));
        expo_vault_user_tag(c->tag, &names, "i", i % USERS ? "a" : "b");
        expo_vault_user_keys(c->pk, c->sk, key, salt, "i",
                             i % USERS ? "a" : "b");
        memset(c->scan.b, i / USERS % SCANS, sizeof(c->scan.b));
        c->role = (expo_role_t) (1 + i / (USERS * SCANS) % ROLES);
        c->epoch = (uint32_t) (1 + i / (USERS * SCANS * ROLES) % EPOCHS);
        check(expo_vault_seal_key(boxes[i], key, &c->scan, c->tag, c->epoch,
                                  c->role, c->pk) == EXPO_OK);
    }

    for (int i = 0; i < ALL; i++) {
        for (int j = 0; j < ALL; j++) {
            wrong += box_opens(boxes[i], &contexts[j]) != (i == j);
        }
    }
    check(wrong == 0);

    for (int bit = 0; bit < 8 * EXPO_SEALED_KEY; bit++, n++) {
        boxes[0][bit / 8] ^= (uint8_t) (1 << bit % 8);
        wrong += box_opens(boxes[0], &contexts[0]) != 0;
        boxes[0][bit / 8] ^= (uint8_t) (1 << bit % 8);
    }
    check(n == 896 && wrong == 0);
    check(box_opens(boxes[0], &contexts[0]) == 1);
}


/* --- the same by the tools, on files --- */

static char folder[] = "/tmp/expo-tamper-XXXXXX";

static int
run(const char *tool)
{
    char program[512], command[1200];
    int status;

    client_program(program, sizeof(program), tool);
    snprintf(command, sizeof(command), "%s %s >/dev/null", program, folder);
    status = system(command);

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Whether vault-open notices each of n changes of a file. */
static int
notices(const char *name, size_t n)
{
    static uint8_t bytes[400000];
    char path[128];
    size_t size, missed = 0;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_RDWR | O_CLOEXEC);
    size = (size_t) read(fd, bytes, sizeof(bytes));

    for (size_t i = 0; i < n; i++) {
        size_t at = i * (size - 1) / (n - 1);
        uint8_t flipped = bytes[at] ^ (uint8_t) (1 << i % 8);

        missed +=
            pwrite(fd, &flipped, 1, (off_t) at) != 1 || run("vault-open") != 1;
        missed += pwrite(fd, &bytes[at], 1, (off_t) at) != 1;
    }

    missed += ftruncate(fd, (off_t) size - 1) < 0 || run("vault-open") != 1;
    missed += ftruncate(fd, (off_t) size) < 0 ||
              pwrite(fd, &bytes[size - 1], 1, (off_t) size - 1) != 1 ||
              pwrite(fd, bytes, 1, (off_t) size) != 1 ||
              run("vault-open") != 1 || ftruncate(fd, (off_t) size) < 0;
    close(fd);

    return missed == 0 && run("vault-open") == 0;
}

static void
the_tools_notice_it_too(void)
{
    char a[64], b[64], c[64];

    check(mkdtemp(folder) != NULL);
    check(run("vault-seal") == 0);
    check(run("vault-open") == 0);
    check(notices("blob0.erb", 20));
    check(notices("blob6.erb", 20));

    snprintf(a, sizeof(a), "%s/blob5.erb", folder);
    snprintf(b, sizeof(b), "%s/blob6.erb", folder);
    snprintf(c, sizeof(c), "%s/other", folder);
    check(rename(a, c) == 0 && rename(b, a) == 0 && rename(c, b) == 0);
    check(run("vault-open") == 1);
    check(rename(a, c) == 0 && rename(b, a) == 0 && rename(c, b) == 0);
    check(run("vault-open") == 0);

    for (int i = 0; i < 7; i++) {
        snprintf(a, sizeof(a), "%s/blob%d.erb", folder, i);
        unlink(a);
    }

    snprintf(a, sizeof(a), "%s/vectors.json", folder);
    check(unlink(a) == 0 && rmdir(folder) == 0);
}

int
main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }

    begin();
    no_flipped_bit_is_taken();
    no_cut_or_addition_is_taken();
    no_chunk_is_taken_elsewhere();
    no_other_blob_is_taken();
    a_box_opens_for_nobody_else_and_as_nothing_else();
    the_tools_notice_it_too();
    close(file_fd);

    return done();
}
