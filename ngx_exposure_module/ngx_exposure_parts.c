/* Multipart bodies on their way into chunks: ngx_exposure_parts.h. */

#include "ngx_exposure_upload.h"

#include "lib/archive.h"
#include "lib/tar.h"

/* A path of a form, of which the last part counts. */
#define NGX_EXPOSURE_PARTS_NAME  1024


static ngx_int_t ngx_exposure_parts_step(ngx_exposure_upload_t *u,
    ngx_buf_t *b);
static ngx_int_t ngx_exposure_parts_event(ngx_exposure_upload_t *u,
    expo_multipart_event_t event);
static ngx_int_t ngx_exposure_parts_begin(ngx_exposure_upload_t *u);
static ngx_uint_t ngx_exposure_parts_is_field(ngx_exposure_parts_t *p);
static void ngx_exposure_parts_name(ngx_exposure_parts_t *p);
static void ngx_exposure_parts_decide(ngx_exposure_upload_t *u);
static void ngx_exposure_parts_close(ngx_exposure_upload_t *u);
static ngx_uint_t ngx_exposure_parts_put(ngx_exposure_upload_t *u,
    const u_char *src, size_t *len);


expo_status_t
ngx_exposure_parts_open(ngx_exposure_upload_t *u, const char *subtype)
{
    ngx_str_t             *type;
    expo_status_t          st;
    ngx_exposure_parts_t  *p;

    if (u->r->headers_in.content_type == NULL) {
        return EXPO_UNSUPPORTED;
    }

    p = ngx_calloc(sizeof(ngx_exposure_parts_t), ngx_cycle->log);
    if (p == NULL) {
        return EXPO_NO_MEMORY;
    }

    type = &u->r->headers_in.content_type->value;
    st = expo_multipart_open(&p->multipart, subtype, (char *) type->data,
                             type->len);

    if (st == EXPO_OK) {
        p->held = malloc(NGX_EXPOSURE_UPLOAD_CHUNK + EXPO_BLOB_TAG);
        st = p->held ? EXPO_OK : EXPO_NO_MEMORY;
    }

    if (st != EXPO_OK) {
        ngx_free(p);
        return st;
    }

    p->fields = ngx_strcmp(subtype, "form-data") == 0;
    u->parts = p;

    return EXPO_OK;
}


void
ngx_exposure_parts_free(ngx_exposure_parts_t *p)
{
    ngx_explicit_memzero(p->held, NGX_EXPOSURE_UPLOAD_CHUNK);
    free(p->held);

    ngx_explicit_memzero(p, sizeof(ngx_exposure_parts_t));
    ngx_free(p);
}


ngx_int_t
ngx_exposure_parts_take(ngx_exposure_upload_t *u)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for ( ;; ) {
        cl = u->r->request_body->bufs;
        b = cl ? cl->buf : NULL;

        rc = ngx_exposure_parts_step(u, b);

        if (rc != NGX_DONE) {
            return rc;
        }

        if (cl == NULL) {
            return NGX_OK;
        }

        u->r->request_body->bufs = cl->next;
        ngx_free_chain(u->r->pool, cl);
    }
}


ngx_uint_t
ngx_exposure_parts_hold(ngx_exposure_upload_t *u)
{
    u_char                *chunk;
    ngx_exposure_parts_t  *p;

    p = u->parts;

    if (p == NULL || !p->open || p->bare || p->begun
        || p->header_index != u->index)
    {
        return 0;
    }

    chunk = p->held;
    p->held = u->filling;
    p->held_index = u->index;
    p->holding = 1;

    u->filling = chunk;
    u->filled = 0;
    u->index++;

    return 1;
}


/* NGX_DONE: the buffer is used up; else as ngx_exposure_parts_take. */

static ngx_int_t
ngx_exposure_parts_step(ngx_exposure_upload_t *u, ngx_buf_t *b)
{
    size_t                   n;
    ngx_int_t                rc;
    const uint8_t           *at;
    ngx_exposure_parts_t    *p;
    expo_multipart_event_t   event;

    static const u_char      zeros[EXPO_TAR_BLOCK];

    p = u->parts;

    for ( ;; ) {

        if (p->release) {
            return NGX_BUSY;
        }

        if (p->padding) {
            n = p->padding;

            if (ngx_exposure_parts_put(u, zeros, &p->padding)) {
                return NGX_AGAIN;
            }

            u->padded += n;
        }

        if (p->begun) {
            rc = ngx_exposure_parts_begin(u);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        if (p->len) {
            n = p->len;
            rc = ngx_exposure_parts_put(u, p->data, &p->len);

            p->bytes += n - p->len;
            p->data += n - p->len;

            if (p->unknown && p->bytes >= EXPO_ARCHIVE_PROBE) {
                ngx_exposure_parts_decide(u);
            }

            if (rc) {
                return NGX_AGAIN;
            }
        }

        if (b == NULL) {
            return NGX_DONE;
        }

        at = b->pos;
        u->st = expo_multipart_next(&p->multipart, &at, b->last, &event,
                                    &p->data, &p->len);

        u->received += at - b->pos;
        b->pos = (u_char *) at;

        if (u->st != EXPO_OK) {
            u->detail = u->st == EXPO_INVALID
                        ? "The body is not made of the parts that its "
                          "Content-Type says."
                        : "The body has too many parts, or too long headers "
                          "in them.";
            return NGX_ERROR;
        }

        if (event == EXPO_MULTIPART_MORE) {
            p->len = 0;
            return NGX_DONE;
        }

        rc = ngx_exposure_parts_event(u, event);

        if (rc != NGX_OK) {
            return rc;
        }
    }
}


static ngx_int_t
ngx_exposure_parts_event(ngx_exposure_upload_t *u,
    expo_multipart_event_t event)
{
    ngx_exposure_parts_t  *p;

    p = u->parts;

    if (event != EXPO_MULTIPART_DATA) {
        p->len = 0;
    }

    if (event == EXPO_MULTIPART_DATA && !p->open) {
        p->len = 0;

    } else if (event == EXPO_MULTIPART_PART_END && p->open) {
        ngx_exposure_parts_close(u);

    } else if (event == EXPO_MULTIPART_PART
               && !(p->fields && ngx_exposure_parts_is_field(p)))
    {
        if (p->bare) {
            u->st = EXPO_INVALID;
            u->detail = "Send one archive at a time, or the files of one "
                        "scan.";
            return NGX_ERROR;
        }

        ngx_exposure_parts_name(p);
        p->open = 1;
        p->begun = 1;
    }

    return NGX_OK;
}


/* Room for the header, of which the size is not known yet. */

static ngx_int_t
ngx_exposure_parts_begin(ngx_exposure_upload_t *u)
{
    ngx_exposure_parts_t  *p;

    p = u->parts;

    if (u->filled == NGX_EXPOSURE_UPLOAD_CHUNK) {
        return NGX_AGAIN;
    }

    /* members and chunks are of whole blocks: the header is in one chunk */

    p->header_index = u->index;
    p->header_at = u->filled;
    p->begun = 0;
    p->bytes = 0;
    p->unknown = p->number == 0 && !p->members_only;
    p->number++;

    u->filled += EXPO_TAR_BLOCK;
    u->padded += EXPO_TAR_BLOCK;

    return NGX_OK;
}


/* In a form, what has no filename is not a file. */

static ngx_uint_t
ngx_exposure_parts_is_field(ngx_exposure_parts_t *p)
{
    char         name[1];
    size_t       n;
    const char  *value;

    value = expo_multipart_header(&p->multipart, "Content-Disposition", &n);

    return value == NULL
           || expo_multipart_parameter(name, sizeof(name), &n, "filename",
                                       value, n)
              == EXPO_NOT_FOUND;
}


/* Of a plain name, the last part; what is none, or too long, is left out. */

static void
ngx_exposure_parts_name(ngx_exposure_parts_t *p)
{
    char        *last;
    size_t       n, i;
    char         name[NGX_EXPOSURE_PARTS_NAME];
    const char  *value;

    p->name[0] = '\0';
    value = expo_multipart_header(&p->multipart, "Content-Disposition", &n);

    if (value == NULL
        || expo_multipart_parameter(name, sizeof(name), &n, "filename", value,
                                    n)
           != EXPO_OK)
    {
        return;
    }

    for (i = 0, last = name; i < n; i++) {
        if (name[i] < ' ' || name[i] > '~') {
            return;
        }

        if (name[i] == '/' || name[i] == '\\') {
            last = name + i + 1;
        }
    }

    n -= (size_t) (last - name);

    if (n <= EXPO_TAR_NAME_MAX) {
        ngx_cpystrn(p->name, (u_char *) last, n + 1);
    }
}


/* An archive is the body. */

static void
ngx_exposure_parts_decide(ngx_exposure_upload_t *u)
{
    u_char                *data;
    ngx_exposure_parts_t  *p;

    p = u->parts;
    p->unknown = 0;

    data = u->filling + EXPO_TAR_BLOCK;

    switch (expo_archive_kind(data, u->filled - EXPO_TAR_BLOCK)) {

    case EXPO_ARCHIVE_TAR:
    case EXPO_ARCHIVE_ZIP:
        break;

    default:
        return;
    }

    u->filled -= EXPO_TAR_BLOCK;
    u->padded -= EXPO_TAR_BLOCK;
    ngx_memmove(u->filling, data, u->filled);
    p->bare = 1;
}


static void
ngx_exposure_parts_close(ngx_exposure_upload_t *u)
{
    u_char                *chunk;
    ngx_exposure_parts_t  *p;

    p = u->parts;

    if (p->unknown) {
        ngx_exposure_parts_decide(u);
    }

    p->open = 0;

    if (p->bare) {
        return;
    }

    chunk = u->filling;

    if (p->holding) {
        chunk = p->held;
        p->holding = 0;
        p->release = 1;
    }

    if (p->name[0] == '\0') {
        ngx_sprintf(p->name, "%08ui.dcm%Z", p->number);
    }

    expo_tar_header(chunk + p->header_at, (char *) p->name, p->bytes);
    p->padding = expo_tar_padding(p->bytes);
}


/* Moves what there is room for; 1: a chunk is full and there is more. */

static ngx_uint_t
ngx_exposure_parts_put(ngx_exposure_upload_t *u, const u_char *src,
    size_t *len)
{
    size_t  n;

    n = ngx_min(*len, NGX_EXPOSURE_UPLOAD_CHUNK - u->filled);

    ngx_memcpy(u->filling + u->filled, src, n);
    u->filled += n;
    *len -= n;

    return *len > 0;
}
