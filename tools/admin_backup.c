/* exposure-admin backup, restore. */

#include "tools/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "lib/recovery.h"
#include "lib/store_backup.h"

#define LINE_MAX_BYTES 256

static int take_sealed(const admin_options_t *o);
static int read_erased(const char *path, expo_erasure_t **out, size_t *count);
static int read_line(expo_erasure_t *e, const char *line);
static void tell(const expo_backup_t *b);


int
admin_backup(const admin_options_t *o)
{
    char error[PATH_MAX + 256];
    expo_backup_t about;
    expo_status_t st;
    expo_store_t *s;

    s = admin_open_store(o);
    if (s == NULL) {
        return 1;
    }

    st = expo_store_backup(s, o->words[0], (uint64_t) time(NULL), &about, error,
                           sizeof(error));
    expo_store_close(s);

    if (st != EXPO_OK) {
        return admin_fail("%s", error);
    }

    tell(&about);

    return take_sealed(o);
}


int
admin_restore(const admin_options_t *o)
{
    char error[PATH_MAX + 256];
    expo_erasure_t *list = NULL;
    expo_backup_t about;
    uint32_t again;
    expo_status_t st;
    size_t n = 0;

    if (o->erased == NULL) {
        return admin_fail("What was erased since? --erased FILE, as `erase "
                          "list` printed it, or --erased none.");
    }

    if (strcmp(o->erased, "none") != 0 && read_erased(o->erased, &list, &n)) {
        return 1;
    }

    st = expo_store_restore(o->words[0], o->data, (uint64_t) time(NULL), list,
                            n, &about, &again, error, sizeof(error));
    free(list);

    if (st != EXPO_OK) {
        return admin_fail("%s", error);
    }

    tell(&about);
    printf("%u of %zu erasures were done again\n", again, n);

    return admin_give(o);
}


/* The way back to the master secret belongs to what only that opens. */
static int
take_sealed(const admin_options_t *o)
{
    uint8_t sealed[EXPO_RECOVERY_SEALED];
    char path[PATH_MAX];
    size_t n;
    FILE *f;

    admin_key_path(path, o, "master.sealed");
    f = fopen(path, "re");
    if (f == NULL) {
        puts("without a sealed master secret: recovery init, recovery seal");
        return 0;
    }

    n = fread(sealed, 1, sizeof(sealed), f);
    fclose(f);
    if (n != sizeof(sealed)) {
        return admin_fail("%s is no sealed master secret.", path);
    }

    snprintf(path, sizeof(path), "%s/master.sealed", o->words[0]);

    return admin_write(path, 0600, sealed, sizeof(sealed));
}


static int
read_erased(const char *path, expo_erasure_t **out, size_t *count)
{
    FILE *f = fopen(path, "re");
    expo_erasure_t *list = NULL, *longer;
    char line[LINE_MAX_BYTES];
    size_t n = 0;
    int ok = 1;

    if (f == NULL) {
        return admin_fail("%s cannot be read.", path);
    }

    while (ok && fgets(line, sizeof(line), f) != NULL) {
        longer = realloc(list, (n + 1) * sizeof(*list));
        ok = longer != NULL;
        if (ok) {
            list = longer;
            ok = read_line(&list[n], line) == 0;
            n += ok != 0;
        }
    }

    ok = ok && !ferror(f);
    fclose(f);

    if (!ok) {
        free(list);
        return admin_fail("%s: line %zu is none of `erase list`.", path, n + 1);
    }

    *out = list;
    *count = n;

    return 0;
}


static int
read_line(expo_erasure_t *e, const char *line)
{
    size_t hex = strcspn(line, " ");
    int end = 0;

    memset(e, 0, sizeof(*e));

    return sodium_hex2bin(e->what, sizeof(e->what), line, hex, NULL, &e->bytes,
                          NULL) != 0 ||
           (e->bytes != EXPO_TAG && e->bytes != sizeof(expo_id_t)) ||
           sscanf(line + hex, " %u %u%n", &e->times, &e->day, &end) != 2 ||
           strcmp(line + hex + end, "\n") != 0;
}


static void
tell(const expo_backup_t *b)
{
    printf("%llu scans, %llu files, %llu bytes\n",
           (unsigned long long) b->scans, (unsigned long long) b->blobs,
           (unsigned long long) b->bytes);
}
