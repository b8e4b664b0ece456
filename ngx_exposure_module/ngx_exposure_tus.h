/*
 * One request of a resumable upload, shared by ngx_exposure_tus.c, which knows
 * the protocol, and _tus_work.c, which knows only lengths and offsets: another
 * protocol over the same uploads would be another ngx_exposure_tus.c.
 */

#ifndef NGX_EXPOSURE_TUS_H
#define NGX_EXPOSURE_TUS_H

#include "ngx_exposure_upload.h"

#include "lib/tus.h"


typedef struct {
    ngx_exposure_upload_t      upload;

    ngx_uint_t                 create;     /* else it goes on at offset */
    uint64_t                   offset;
    u_char                    *metadata;   /* malloc'd, plain */
    size_t                     metadata_len;

    expo_upload_t              row;        /* received: as it is now */
    ngx_uint_t                 locked;     /* somebody else sends */
    ngx_uint_t                 mismatch;   /* of the checksum */
    time_t                     saved;      /* when it was last */

    /*
     * With a checksum the upload's own blob and file wait here: bytes go to a
     * throw-away file, and from there when they are known to be right.
     */
    ngx_uint_t                 checked;
    expo_tus_checksum_t        checksum;
    expo_blob_t                target;
    expo_blob_file_t           target_file;
} ngx_exposure_tus_t;


/* Pool threads: a new row and file, or those there are, ready to be filled. */
void ngx_exposure_tus_begin_work(void *data);

/* What has come is saved, or becomes a scan if it is all. */
void ngx_exposure_tus_end_work(void *data);

/* The bytes after the last whole chunk. dst: room for a chunk. */
expo_status_t ngx_exposure_tus_tail(ngx_exposure_tus_t *t, u_char *dst,
    size_t *len);

/*
 * Lets what comes go elsewhere; and from there, if the checksum is its, into
 * the upload: what does not fill a chunk is then in sealing. EXPO_INVALID, and
 * mismatch set: it is not.
 */
expo_status_t ngx_exposure_tus_stage(ngx_exposure_tus_t *t);
expo_status_t ngx_exposure_tus_unstage(ngx_exposure_tus_t *t);

/* After each chunk: now and then what has come is saved. */
void ngx_exposure_tus_sealed_work(ngx_exposure_upload_t *u);

/*
 * What was found, with received as it really is, and its metadata, malloc'd.
 */
expo_status_t ngx_exposure_tus_look(ngx_exposure_job_t *job,
    u_char **metadata, size_t *metadata_len);

#endif
