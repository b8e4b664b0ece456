/*
 * What the uploads of one user in this nginx worker know of each other: the
 * store counts one only when it is whole, so until then they share a quota
 * here.
 */

#include "ngx_exposure_upload.h"


static ngx_exposure_upload_t *ngx_exposure_upload_next(
    ngx_exposure_upload_t *u, ngx_exposure_upload_t *after);


static ngx_queue_t  ngx_exposure_uploads;


void
ngx_exposure_upload_enlist(ngx_exposure_upload_t *u)
{
    if (ngx_exposure_uploads.next == NULL) {
        ngx_queue_init(&ngx_exposure_uploads);
    }

    ngx_queue_insert_tail(&ngx_exposure_uploads, &u->queue);
}


off_t
ngx_exposure_upload_others(ngx_exposure_upload_t *u, ngx_uint_t *count)
{
    off_t                   bytes;
    ngx_uint_t              n;
    ngx_exposure_upload_t  *other;

    bytes = 0;
    n = 0;
    other = NULL;

    while ((other = ngx_exposure_upload_next(u, other))) {
        bytes += other->reserved ? 0 : other->received;
        n++;
    }

    if (count) {
        *count = n;
    }

    return bytes;
}


void
ngx_exposure_upload_kept(ngx_exposure_upload_t *u)
{
    ngx_exposure_upload_t  *other;

    other = NULL;

    while ((other = ngx_exposure_upload_next(u, other))) {
        other->left -= u->received;
    }

    u->received = 0;
}


/* Another one of the same user; the first if after is NULL, NULL at the end. */

static ngx_exposure_upload_t *
ngx_exposure_upload_next(ngx_exposure_upload_t *u,
    ngx_exposure_upload_t *after)
{
    ngx_queue_t            *q;
    ngx_exposure_upload_t  *other;

    q = after ? &after->queue : &ngx_exposure_uploads;

    for (q = ngx_queue_next(q);
         q != ngx_queue_sentinel(&ngx_exposure_uploads);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, ngx_exposure_upload_t, queue);

        if (other != u && ngx_memcmp(other->tag, u->tag, EXPO_TAG) == 0) {
            return other;
        }
    }

    return NULL;
}
