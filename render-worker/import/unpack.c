#include "render-worker/import/unpack.h"

#include <stdlib.h>
#include <string.h>

#include "lib/archive.h"
#include "lib/inflate.h"

typedef struct {
    import_files_t *files;
    const import_input_t *input;
    uint64_t room; /* bytes */
    size_t places; /* in files->file */
} unpack_t;

static reason_t unpack_body(unpack_t *u, const uint8_t *body, uint64_t len);
static reason_t unpack_tar(unpack_t *u, const uint8_t *body, uint64_t len);
static reason_t unpack_zip(unpack_t *u, const uint8_t *body, uint64_t len);
static reason_t unpack_gzip(unpack_t *u, const uint8_t *body, uint64_t len);
static reason_t unpack_inner(unpack_t *u);
static import_file_t *unpack_add(unpack_t *u, const uint8_t *data,
                                 uint64_t bytes);
static uint64_t unpack_most(const unpack_t *u, uint64_t len);
static reason_t unpack_over(const unpack_t *u, uint64_t len);


reason_t
unpack_list(import_files_t *files, const import_input_t *in, size_t n,
            uint64_t room)
{
    unpack_t u = {.files = files, .input = in, .room = room};

    if (n == 0 || (n == 1 && in->bytes == 0)) {
        return REASON_EMPTY;
    }

    if (n == 1) {
        return expo_archive_kind(in->data, in->bytes) == EXPO_ARCHIVE_UNKNOWN
                   ? REASON_UNKNOWN
                   : unpack_body(&u, in->data, in->bytes);
    }

    for (; u.input < in + n; u.input++) {
        if (unpack_add(&u, u.input->data, u.input->bytes) == NULL) {
            return REASON_TOO_LARGE;
        }
    }

    return REASON_NONE;
}


reason_t
unpack_file(import_file_t *f)
{
    expo_status_t st;

    if (f->packed == NULL) {
        return REASON_NONE;
    }

    f->unpacked = malloc(f->packed->bytes + 1);
    if (f->unpacked == NULL) {
        return REASON_TOO_LARGE;
    }

    st = expo_zip_read(f->packed, f->unpacked);
    f->entry.data = f->unpacked;
    f->entry.bytes = f->packed->bytes;
    f->damaged = st == EXPO_CORRUPT;

    return st == EXPO_NO_MEMORY ? REASON_TOO_LARGE : REASON_NONE;
}


void
unpack_release(import_files_t *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->file[i].unpacked);
    }

    expo_zip_close(&files->zip);
    free(files->inflated);
    free(files->file);
}


static reason_t
unpack_body(unpack_t *u, const uint8_t *body, uint64_t len)
{
    switch (expo_archive_kind(body, len)) {

    case EXPO_ARCHIVE_TAR:
        return unpack_tar(u, body, len);

    case EXPO_ARCHIVE_ZIP:
        return unpack_zip(u, body, len);

    case EXPO_ARCHIVE_GZIP:
        return unpack_gzip(u, body, len);

    default:
        return unpack_add(u, body, len) != NULL ? REASON_NONE
                                                : REASON_TOO_LARGE;
    }
}


static reason_t
unpack_tar(unpack_t *u, const uint8_t *body, uint64_t len)
{
    expo_tar_entry_t entry;
    import_file_t *f;
    expo_status_t st;
    uint64_t at = 0;

    while ((st = expo_tar_next(body, len, &at, &entry)) == EXPO_OK) {
        f = unpack_add(u, entry.data, entry.bytes);
        if (f == NULL) {
            return REASON_TOO_LARGE;
        }

        f->entry = entry;
    }

    if (u->files->count == 0) {
        return st == EXPO_INVALID ? REASON_ARCHIVE : REASON_EMPTY;
    }

    return u->files->count == 1 ? unpack_inner(u) : REASON_NONE;
}


/* The only file of a tar may be what was meant. */
static reason_t
unpack_inner(unpack_t *u)
{
    expo_tar_entry_t entry = u->files->file[0].entry;
    expo_archive_kind_t kind = expo_archive_kind(entry.data, entry.bytes);

    if (kind == EXPO_ARCHIVE_ZIP) {
        u->files->count = 0;
        return unpack_zip(u, entry.data, entry.bytes);
    }

    if (kind == EXPO_ARCHIVE_GZIP && u->files->inflated == NULL) {
        u->files->count = 0;
        return unpack_gzip(u, entry.data, entry.bytes);
    }

    return REASON_NONE;
}


static reason_t
unpack_zip(unpack_t *u, const uint8_t *body, uint64_t len)
{
    const expo_zip_limits_t limits = {UNPACK_FILES_MAX, unpack_most(u, len)};
    expo_zip_t *z = &u->files->zip;
    import_file_t *f;

    switch (expo_zip_open(z, body, len, &limits)) {

    case EXPO_OK:
        break;

    case EXPO_DENIED:
        return REASON_ENCRYPTED;

    case EXPO_UNSUPPORTED:
        return REASON_ARCHIVE_FORM;

    case EXPO_CORRUPT:
        return REASON_ARCHIVE_CUT;

    case EXPO_TOO_LARGE:
        return unpack_over(u, len);

    case EXPO_NO_MEMORY:
        return REASON_TOO_LARGE;

    default:
        return REASON_ARCHIVE;
    }

    for (size_t i = 0; i < z->count; i++) {
        f = unpack_add(u, NULL, 0);
        if (f == NULL) {
            return REASON_TOO_LARGE;
        }

        f->packed = &z->entries[i];
    }

    u->files->unpacked_bytes += z->bytes;
    return u->files->count > 0 ? REASON_NONE : REASON_EMPTY;
}


/*
 * Of a tar or of one DICOM file, in whole. A volume stays packed: its reader
 * takes it as it is.
 */
static reason_t
unpack_gzip(unpack_t *u, const uint8_t *body, uint64_t len)
{
    uint8_t probe[EXPO_ARCHIVE_PROBE] = {0};
    import_files_t *files = u->files;
    expo_archive_kind_t kind;
    expo_inflate_t f;
    expo_status_t st;
    size_t bytes;

    if (expo_inflate_open(&f, body, len) != EXPO_OK) {
        return REASON_TOO_LARGE;
    }

    /* Of a short one the end stays zero. */
    expo_inflate_read(&f, probe, sizeof(probe));
    expo_inflate_close(&f);
    kind = expo_archive_kind(probe, sizeof(probe));

    if (kind != EXPO_ARCHIVE_TAR && kind != EXPO_ARCHIVE_DICOM &&
        kind != EXPO_ARCHIVE_DICOM_BARE) {
        return unpack_add(u, body, len) != NULL ? REASON_NONE
                                                : REASON_TOO_LARGE;
    }

    if (expo_inflate_open(&f, body, len) != EXPO_OK) {
        return REASON_TOO_LARGE;
    }

    st = expo_inflate_rest(&f, &files->inflated, &bytes, unpack_most(u, len));
    expo_inflate_close(&f);

    if (st == EXPO_TOO_LARGE) {
        return unpack_over(u, len);
    }

    if (st == EXPO_NO_MEMORY) {
        return REASON_TOO_LARGE;
    }

    /* Nobody knows which byte is not the one that was packed. */
    if (st == EXPO_CORRUPT) {
        return REASON_ARCHIVE;
    }

    files->cut = st == EXPO_AGAIN;
    files->unpacked_bytes += bytes;
    return unpack_body(u, files->inflated, bytes);
}


static import_file_t *
unpack_add(unpack_t *u, const uint8_t *data, uint64_t bytes)
{
    import_files_t *files = u->files;
    import_file_t *f;
    void *grown;

    if (files->count == UNPACK_FILES_MAX) {
        return NULL;
    }

    if (files->count == u->places) {
        grown = realloc(files->file, (u->places ? u->places * 2 : 256) *
                                         sizeof(*files->file));
        if (grown == NULL) {
            return NULL;
        }

        files->file = grown;
        u->places = u->places ? u->places * 2 : 256;
    }

    f = &files->file[files->count++];
    *f = (import_file_t){.input = u->input,
                         .encoding = "",
                         .entry = {.data = data, .bytes = bytes}};

    return f;
}


/* What `len` packed bytes may become. */
static uint64_t
unpack_most(const unpack_t *u, uint64_t len)
{
    uint64_t most =
        len > UNPACK_FREE / UNPACK_RATIO ? len * UNPACK_RATIO : UNPACK_FREE;

    return most < u->room ? most : u->room;
}


static reason_t
unpack_over(const unpack_t *u, uint64_t len)
{
    return unpack_most(u, len) < u->room ? REASON_BOMB : REASON_TOO_LARGE;
}
