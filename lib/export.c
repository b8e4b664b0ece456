#include "lib/export.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <zlib.h>

#include "lib/nifti_write.h"

/* The fastest: a person waits, and noise hardly compresses further. */
#define EXPORT_LEVEL Z_BEST_SPEED
#define EXPORT_STEP 65536 /* bytes of voxels at once */
#define EXPORT_ALIGN 16   /* as malloc's */

struct expo_export_gzip_s {
    z_stream z;
    uint8_t values[2 * EXPORT_STEP]; /* floats are twice as long */
};

_Static_assert(EXPO_NRRD_HEADER_MAX >= EXPO_NIFTI_HEADER, "either header fits");

static voidpf export_alloc(voidpf owner, uInt items, uInt size);
static void export_free(voidpf owner, voidpf p);
static expo_status_t export_header(const expo_export_t *e,
                                   uint8_t dst[EXPO_NRRD_HEADER_MAX],
                                   size_t *len);
static size_t export_deflate(expo_export_t *e, const uint8_t *src, size_t len,
                             int last, uint8_t *dst, size_t cap);
static size_t export_values(const expo_export_t *e, const uint8_t *voxels,
                            size_t bytes, uint8_t *dst);


expo_status_t
expo_export_open(expo_export_t *e, const uint8_t header[EXPO_VOLUME_HEADER],
                 uint64_t total, expo_export_format_t format, int gzip)
{
    expo_status_t st;

    memset(e, 0, sizeof(*e));

    st = expo_volume_read(&e->volume, header, total);
    if (st != EXPO_OK) {
        return st;
    }

    e->format = format;
    e->type = expo_nrrd_type(&e->volume);
    e->left = expo_volume_voxels(&e->volume);

    if (!gzip) {
        return EXPO_OK;
    }

    e->gzip = calloc(1, sizeof(*e->gzip));
    if (e->gzip == NULL) {
        return EXPO_NO_MEMORY;
    }

    e->gzip->z.zalloc = export_alloc;
    e->gzip->z.zfree = export_free;

    /* 16: with gzip's header. */
    if (deflateInit2(&e->gzip->z, EXPORT_LEVEL, Z_DEFLATED, MAX_WBITS + 16, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(e->gzip);
        e->gzip = NULL;
        return EXPO_NO_MEMORY;
    }

    return EXPO_OK;
}


uint64_t
expo_export_bytes(const expo_export_t *e)
{
    uint8_t header[EXPO_NRRD_HEADER_MAX];
    size_t len;

    if (e->gzip != NULL || export_header(e, header, &len) != EXPO_OK) {
        return 0;
    }

    return len + expo_volume_voxels(&e->volume) * expo_nrrd_bytes(e->type);
}


size_t
expo_export_room(const expo_export_t *e, size_t voxels)
{
    size_t values = voxels / 2 * expo_nrrd_bytes(e->type);

    /* deflateBound is for one call; what earlier ones kept back comes too. */
    return e->gzip == NULL ? EXPO_NRRD_HEADER_MAX + values
                           : EXPO_NRRD_HEADER_MAX + EXPORT_STEP * 4 +
                                 deflateBound(&e->gzip->z, values);
}


expo_status_t
expo_export_feed(expo_export_t *e, const uint8_t *voxels, size_t bytes,
                 uint8_t *dst, size_t *len)
{
    size_t cap = expo_export_room(e, bytes), n, step;
    uint8_t header[EXPO_NRRD_HEADER_MAX];
    expo_status_t st;

    *len = 0;

    if (bytes % 2 != 0 || bytes / 2 > e->left) {
        return EXPO_INVALID;
    }

    if (!e->begun) {
        st = export_header(e, header, &n);
        if (st != EXPO_OK) {
            return st;
        }

        /* An NRRD header is never compressed, a NIfTI file is in whole. */
        if (e->gzip != NULL && e->format == EXPO_EXPORT_NIFTI) {
            *len = export_deflate(e, header, n, 0, dst, cap);
        } else {
            memcpy(dst, header, n);
            *len = n;
        }

        e->begun = 1;
    }

    e->left -= bytes / 2;

    if (e->gzip == NULL) {
        *len += export_values(e, voxels, bytes, dst + *len);
        return EXPO_OK;
    }

    do {
        step = bytes < EXPORT_STEP ? bytes : EXPORT_STEP;
        n = export_values(e, voxels, step, e->gzip->values);
        voxels += step;
        bytes -= step;
        *len +=
            export_deflate(e, e->gzip->values, n, bytes == 0 && e->left == 0,
                           dst + *len, cap - *len);
    } while (bytes > 0);

    return EXPO_OK;
}


expo_status_t
expo_export_close(expo_export_t *e)
{
    expo_status_t st = e->left == 0 ? EXPO_OK : EXPO_CORRUPT;

    if (e->gzip != NULL) {
        deflateEnd(&e->gzip->z);
        sodium_memzero(e->gzip, sizeof(*e->gzip));
        free(e->gzip);
        e->gzip = NULL;
    }

    return st;
}


const char *
expo_export_suffix(expo_export_format_t format, int gzip)
{
    if (format == EXPO_EXPORT_NRRD) {
        return "nrrd";
    }

    return gzip ? "nii.gz" : "nii";
}


/* zlib's windows hold voxels, so they are wiped: their size stands before. */
static voidpf
export_alloc(voidpf owner, uInt items, uInt size)
{
    size_t bytes = EXPORT_ALIGN + (size_t) items * size;
    uint8_t *p = malloc(bytes);

    (void) owner;

    if (p == NULL) {
        return NULL;
    }

    memcpy(p, &bytes, sizeof(bytes));

    return p + EXPORT_ALIGN;
}


static void
export_free(voidpf owner, voidpf p)
{
    uint8_t *start = (uint8_t *) p - EXPORT_ALIGN;
    size_t bytes;

    (void) owner;

    memcpy(&bytes, start, sizeof(bytes));
    sodium_memzero(start, bytes);
    free(start);
}


static expo_status_t
export_header(const expo_export_t *e, uint8_t dst[EXPO_NRRD_HEADER_MAX],
              size_t *len)
{
    if (e->format == EXPO_EXPORT_NIFTI) {
        expo_nifti_header(dst, &e->volume, e->type);
        *len = EXPO_NIFTI_HEADER;
        return EXPO_OK;
    }

    return expo_nrrd_header((char *) dst, EXPO_NRRD_HEADER_MAX, len, &e->volume,
                            e->type, e->gzip != NULL);
}


/* dst has room for whatever comes, so that nothing is left to ask for. */
static size_t
export_deflate(expo_export_t *e, const uint8_t *src, size_t len, int last,
               uint8_t *dst, size_t cap)
{
    z_stream *z = &e->gzip->z;

    z->next_in = (Bytef *) (uintptr_t) src;
    z->avail_in = (uInt) len;
    z->next_out = dst;
    z->avail_out = (uInt) cap;

    deflate(z, last ? Z_FINISH : Z_NO_FLUSH);

    return cap - z->avail_out;
}


static size_t
export_values(const expo_export_t *e, const uint8_t *voxels, size_t bytes,
              uint8_t *dst)
{
    expo_nrrd_values(dst, voxels, bytes / 2, &e->volume, e->type);

    return bytes / 2 * expo_nrrd_bytes(e->type);
}
