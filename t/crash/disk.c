/* What of the steps so far a disk holds when its power goes. */

#include "t/crash/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512 /* a write is torn between two of these */

typedef struct {
    uint8_t *bytes;
    size_t len;
} contents_t;

typedef struct {
    contents_t now, safe;
    const disk_step_t **open; /* steps since the last sync */
    size_t open_count;
} file_t;

typedef struct {
    char name[DISK_NAME];
    int now, safe; /* files, -1: no such name */
    int *past;     /* what it was since the folder's last sync */
    size_t past_count;
} name_t;

struct disk_s {
    file_t *files;
    size_t file_count;
    name_t *names[DISK_FOLDERS];
    size_t name_count[DISK_FOLDERS];
    disk_without_t without;
};

static file_t *disk_file(disk_t *d, int number);
static void disk_set_name(disk_t *d, const disk_step_t *step);
static void disk_sync_folder(disk_t *d, int folder);
static void contents_apply(contents_t *c, const disk_step_t *step, size_t len);
static void contents_copy(contents_t *to, const contents_t *from);
static void image_some(const file_t *f, uint32_t *seed, contents_t *out);
static void image_empty(const char *path);
static void image_write(const char *path, const contents_t *c);
static uint32_t draw(uint32_t *seed);


disk_t *
disk_new(disk_without_t without)
{
    disk_t *d = calloc(1, sizeof(*d));

    d->without = without;

    return d;
}

void
disk_play(disk_t *d, const disk_step_t *step)
{
    file_t *f = step->file >= 0 ? disk_file(d, step->file) : NULL;

    switch (step->kind) {
    case DISK_WRITE:
    case DISK_TRUNCATE:
        contents_apply(&f->now, step, step->len);
        f->open = realloc(f->open, (f->open_count + 1) * sizeof(*f->open));
        f->open[f->open_count++] = step;
        break;

    case DISK_SYNC:
        if (d->without == NULL || !d->without(step)) {
            contents_copy(&f->safe, &f->now);
            f->open_count = 0;
        }
        break;

    case DISK_NAME_SET:
        disk_set_name(d, step);
        break;

    case DISK_FOLDER_SYNC:
        if (d->without == NULL || !d->without(step)) {
            disk_sync_folder(d, step->folder);
        }
        break;
    }
}

void
disk_free(disk_t *d)
{
    for (size_t i = 0; i < d->file_count; i++) {
        free(d->files[i].now.bytes);
        free(d->files[i].safe.bytes);
        free(d->files[i].open);
    }

    for (int f = 0; f < DISK_FOLDERS; f++) {
        for (size_t i = 0; i < d->name_count[f]; i++) {
            free(d->names[f][i].past);
        }
        free(d->names[f]);
    }

    free(d->files);
    free(d);
}

void
disk_image(const disk_t *d, disk_model_t model, uint32_t seed, const char *root,
           const char *const folders[DISK_FOLDERS])
{
    char path[PATH_MAX];
    contents_t some = {NULL, 0};

    for (int f = 0; f < DISK_FOLDERS; f++) {
        snprintf(path, sizeof(path), "%s/%s", root, folders[f]);
        image_empty(path);

        for (size_t i = 0; i < d->name_count[f]; i++) {
            const name_t *n = &d->names[f][i];
            int number = model == DISK_ALL ? n->now : n->safe;
            uint32_t which;

            if (model == DISK_SOME && n->past_count > 0) {
                which = draw(&seed) % (uint32_t) (n->past_count + 1);
                number = which > 0 ? n->past[which - 1] : number;
            }

            if (number < 0) {
                continue;
            }

            snprintf(path, sizeof(path), "%s/%s/%s", root, folders[f], n->name);

            if (model == DISK_SOME) {
                image_some(&d->files[number], &seed, &some);
                image_write(path, &some);
            } else {
                image_write(path, model == DISK_ALL ? &d->files[number].now
                                                    : &d->files[number].safe);
            }
        }
    }

    free(some.bytes);
}


static file_t *
disk_file(disk_t *d, int number)
{
    size_t need = (size_t) number + 1;

    if (need > d->file_count) {
        d->files = realloc(d->files, need * sizeof(*d->files));
        memset(&d->files[d->file_count], 0,
               (need - d->file_count) * sizeof(*d->files));
        d->file_count = need;
    }

    return &d->files[number];
}

static void
disk_set_name(disk_t *d, const disk_step_t *step)
{
    size_t *count = &d->name_count[step->folder], i = 0;
    name_t **names = &d->names[step->folder], *n;

    while (i < *count && strcmp((*names)[i].name, step->name) != 0) {
        i++;
    }

    if (i == *count) {
        *names = realloc(*names, ++*count * sizeof(**names));
        n = &(*names)[i];
        memset(n, 0, sizeof(*n));
        memcpy(n->name, step->name, sizeof(n->name));
        n->safe = -1;
    }

    n = &(*names)[i];
    n->now = step->file;
    n->past = realloc(n->past, (n->past_count + 1) * sizeof(*n->past));
    n->past[n->past_count++] = step->file;
}

static void
disk_sync_folder(disk_t *d, int folder)
{
    for (size_t i = 0; i < d->name_count[folder]; i++) {
        d->names[folder][i].safe = d->names[folder][i].now;
        d->names[folder][i].past_count = 0;
    }
}

/* len: of a write, what of it arrived. */
static void
contents_apply(contents_t *c, const disk_step_t *step, size_t len)
{
    size_t end = (size_t) step->at + len;

    if (end > c->len || step->kind == DISK_TRUNCATE) {
        c->bytes = realloc(c->bytes, end + 1);
        if (end > c->len) {
            memset(c->bytes + c->len, 0, end - c->len);
        }
        c->len = end;
    }

    if (len > 0) {
        memcpy(c->bytes + step->at, step->bytes, len);
    }
}

static void
contents_copy(contents_t *to, const contents_t *from)
{
    to->bytes = realloc(to->bytes, from->len + 1);
    if (from->len > 0) {
        memcpy(to->bytes, from->bytes, from->len);
    }
    to->len = from->len;
}

/* What was synced, and of each step since: all, nothing, or some sectors. */
static void
image_some(const file_t *f, uint32_t *seed, contents_t *out)
{
    contents_copy(out, &f->safe);

    for (size_t i = 0; i < f->open_count; i++) {
        const disk_step_t *step = f->open[i];
        uint32_t which = draw(seed) % 5;

        if (which == 0 && step->len > SECTOR) {
            size_t sectors = step->len / SECTOR;

            contents_apply(out, step,
                           SECTOR * (1 + draw(seed) % (uint32_t) sectors));

        } else if (which > 2) {
            contents_apply(out, step, step->len);
        }
    }
}

static void
image_empty(const char *path)
{
    struct dirent *e;
    DIR *dir = opendir(path);

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        if (e->d_type != DT_DIR) {
            unlinkat(dirfd(dir), e->d_name, 0);
        }
    }

    if (dir != NULL) {
        closedir(dir);
    }
}

static void
image_write(const char *path, const contents_t *c)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, c->bytes, c->len) != (ssize_t) c->len) {
        perror(path);
        exit(1);
    }

    close(fd);
}

/* xorshift32: the same image for the same seed, everywhere. */
static uint32_t
draw(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;

    return *seed;
}
