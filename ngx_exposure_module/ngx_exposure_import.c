/*
 * From a sealed original to a ready scan. One record a running import, in the
 * nginx worker that started it; the zone tells the others. What a render-worker
 * makes are unnamed files; they appear with the scan's new state in one step.
 * An import whose nginx worker dies is found and begun again by the next look
 * at the scan, since only its owner's token gets a lease of its key.
 */

#include "ngx_exposure_import.h"

#include "lib/base64.h"


#define NGX_EXPOSURE_IMPORT_WAIT      200     /* ms between two looks */
#define NGX_EXPOSURE_IMPORT_SILENCE   600000  /* ms without a word of one */
#define NGX_EXPOSURE_IMPORT_LOST      2       /* attempts, if it is lost */
#define NGX_EXPOSURE_IMPORT_ATTEMPTS  4       /* in all, reloads included */

/* those with open files, of this nginx worker and of one user in it */
#define NGX_EXPOSURE_IMPORT_MAX       8
#define NGX_EXPOSURE_IMPORT_USER_MAX  2


static void ngx_exposure_import_step(ngx_exposure_import_t *im);
static ngx_int_t ngx_exposure_import_place(ngx_exposure_import_t *im);
static void ngx_exposure_import_timer(ngx_event_t *ev);
static void ngx_exposure_import_prepare_done(void *data);
static ngx_int_t ngx_exposure_import_send(ngx_exposure_import_t *im);
static ngx_exposure_import_t *ngx_exposure_import_find(ngx_uint_t worker,
    json_t *message);
static void ngx_exposure_import_finish(ngx_exposure_import_t *im);
static void ngx_exposure_import_fail(ngx_exposure_import_t *im,
    const char *code, const char *detail);
static void ngx_exposure_import_finish_done(void *data);
static void ngx_exposure_import_close(ngx_exposure_import_t *im);
static void ngx_exposure_import_end(ngx_exposure_import_t *im);


static ngx_queue_t             ngx_exposure_imports;
static ngx_exposure_import_t  *ngx_exposure_import_places[
                                                     NGX_EXPOSURE_IMPORT_MAX];
static ngx_connection_t        ngx_exposure_import_connection;


ngx_int_t
ngx_exposure_import_start(u_char tag[EXPO_TAG], expo_id_t *scan,
    expo_lease_t *lease)
{
    ngx_int_t               rc;
    ngx_exposure_import_t  *im;

    rc = ngx_exposure_zone_import_begin(scan);
    if (rc != NGX_OK) {
        return rc;
    }

    im = ngx_calloc(sizeof(ngx_exposure_import_t), ngx_cycle->log);
    if (im == NULL) {
        ngx_exposure_zone_import_end(scan);
        return NGX_BUSY;
    }

    if (ngx_exposure_imports.next == NULL) {
        ngx_queue_init(&ngx_exposure_imports);
        ngx_exposure_import_connection.fd = (ngx_socket_t) -1;
    }

    im->conf = ngx_exposure_main_conf();
    ngx_memcpy(im->tag, tag, EXPO_TAG);
    im->scan = *scan;
    im->lease = *lease;
    im->original_fd = -1;
    im->volume_file.fd = -1;
    im->thumbnail_file.fd = -1;

    im->timer.handler = ngx_exposure_import_timer;
    im->timer.data = &ngx_exposure_import_connection;
    im->timer.log = ngx_cycle->log;
    im->timer.cancelable = 1;

    ngx_queue_insert_tail(&ngx_exposure_imports, &im->queue);

    ngx_exposure_import_step(im);

    return NGX_OK;
}


void
ngx_exposure_import_event(ngx_uint_t worker, json_t *message)
{
    const char             *type, *code;
    ngx_exposure_import_t  *im;

    im = ngx_exposure_import_find(worker, message);
    if (im == NULL) {
        return;
    }

    type = json_string_value(json_object_get(message, "type"));

    if (ngx_strcmp(type, "progress") == 0) {
        ngx_exposure_zone_import_note(&im->scan,
                 json_string_value(json_object_get(message, "stage")),
                 json_number_value(json_object_get(message, "fraction")));

        ngx_add_timer(&im->timer, NGX_EXPOSURE_IMPORT_SILENCE);

    } else if (ngx_strcmp(type, "imported") == 0) {
        im->imported = json_incref(message);
        ngx_exposure_import_finish(im);

    } else if (ngx_strcmp(type, "failed") == 0) {
        code = json_string_value(json_object_get(message, "code"));

        if (ngx_strcmp(code, "busy") == 0) {
            im->state = NGX_EXPOSURE_IMPORT_READY;
            ngx_add_timer(&im->timer, NGX_EXPOSURE_IMPORT_WAIT);
            return;
        }

        ngx_exposure_import_fail(im, code,
                 json_string_value(json_object_get(message, "detail")));
    }
}


void
ngx_exposure_import_lost(ngx_uint_t worker)
{
    ngx_queue_t            *q, *next;
    ngx_exposure_import_t  *im;

    if (ngx_exposure_imports.next == NULL) {
        return;
    }

    for (q = ngx_queue_head(&ngx_exposure_imports);
         q != ngx_queue_sentinel(&ngx_exposure_imports);
         q = next)
    {
        next = ngx_queue_next(q);
        im = ngx_queue_data(q, ngx_exposure_import_t, queue);

        if (im->state != NGX_EXPOSURE_IMPORT_RUNNING || im->worker != worker) {
            continue;
        }

        if (im->attempts >= NGX_EXPOSURE_IMPORT_LOST) {
            ngx_exposure_import_fail(im, "interrupted",
                   "Reading this scan was interrupted twice. Delete it and "
                   "upload it again.");
            continue;
        }

        ngx_exposure_import_close(im);
        im->state = NGX_EXPOSURE_IMPORT_PREPARE;
        ngx_exposure_import_step(im);
    }
}


/* Does what the state asks for, or tries again in a moment. */

static void
ngx_exposure_import_step(ngx_exposure_import_t *im)
{
    ngx_int_t  rc;

    switch (im->state) {

    case NGX_EXPOSURE_IMPORT_PREPARE:

        /* what waits for a worker holds no descriptor and counts no attempt */

        if (ngx_exposure_control_any() == NGX_ERROR
            || ngx_exposure_import_place(im) != NGX_OK)
        {
            ngx_exposure_zone_import_note(&im->scan, "waiting", 0);
            rc = NGX_AGAIN;
            break;
        }

        rc = ngx_exposure_task_post(ngx_exposure_import_prepare_work,
                                    ngx_exposure_import_prepare_done, im);
        break;

    case NGX_EXPOSURE_IMPORT_READY:
        rc = ngx_exposure_import_send(im);
        break;

    case NGX_EXPOSURE_IMPORT_RUNNING:
        ngx_exposure_import_fail(im, "timeout",
                   "Reading this scan took too long. Delete it and upload "
                   "it again.");
        return;

    default: /* NGX_EXPOSURE_IMPORT_FINISH */
        rc = ngx_exposure_task_post(ngx_exposure_import_finish_work,
                                    ngx_exposure_import_finish_done, im);
        break;
    }

    if (rc != NGX_OK) {
        ngx_add_timer(&im->timer, NGX_EXPOSURE_IMPORT_WAIT);
    }
}


/* Somebody's thousand uploads do not keep others' one from being read. */

static ngx_int_t
ngx_exposure_import_place(ngx_exposure_import_t *im)
{
    ngx_uint_t               i, n;
    ngx_exposure_import_t  **place, **empty;

    empty = NULL;
    n = 0;

    for (i = 0; i < NGX_EXPOSURE_IMPORT_MAX; i++) {
        place = &ngx_exposure_import_places[i];

        if (*place == im) {
            return NGX_OK;
        }

        if (*place == NULL) {
            empty = place;

        } else if (ngx_memcmp((*place)->tag, im->tag, EXPO_TAG) == 0) {
            n++;
        }
    }

    if (empty == NULL || n >= NGX_EXPOSURE_IMPORT_USER_MAX) {
        return NGX_AGAIN;
    }

    *empty = im;

    return NGX_OK;
}


static void
ngx_exposure_import_timer(ngx_event_t *ev)
{
    ngx_exposure_import_step((ngx_exposure_import_t *)
                             ((u_char *) ev
                              - offsetof(ngx_exposure_import_t, timer)));
}


static void
ngx_exposure_import_prepare_done(void *data)
{
    ngx_exposure_import_t *im = data;

    switch (im->st) {

    case EXPO_OK:
        if (im->attempts > NGX_EXPOSURE_IMPORT_ATTEMPTS) {
            ngx_exposure_import_fail(im, "interrupted",
                   "Reading this scan was interrupted again and again. Delete "
                   "it and upload it again.");
            return;
        }

        im->state = NGX_EXPOSURE_IMPORT_READY;
        ngx_exposure_import_step(im);
        return;

    case EXPO_CORRUPT:
        ngx_exposure_import_fail(im, "damaged",
                   "What was stored of this scan is damaged. Delete it and "
                   "upload it again.");
        return;

    case EXPO_NO_SPACE:
        ngx_exposure_import_fail(im, "no_space",
                   "There was no space left for this scan. Delete it, make "
                   "room, and upload it again.");
        return;

    case EXPO_AGAIN:
        ngx_exposure_import_close(im);
        ngx_add_timer(&im->timer, NGX_EXPOSURE_IMPORT_WAIT);
        return;

    case EXPO_NOT_FOUND:
        /* deleted, or done by another nginx worker */
        ngx_exposure_import_end(im);
        return;

    default:
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "exposure: an import cannot begin: %s",
                      expo_status_name(im->st));
        ngx_exposure_import_end(im);
    }
}


static ngx_int_t
ngx_exposure_import_send(ngx_exposure_import_t *im)
{
    int         fds[3];
    char        id[EXPO_ID_TEXT + 1];
    char        headers[3][EXPO_BASE64_TEXT(EXPO_BLOB_HEADER)];
    u_char      keys[96];
    json_t     *message;
    ngx_int_t   worker, rc;

    worker = ngx_exposure_control_any();

    if (worker == NGX_ERROR) {
        return NGX_AGAIN;
    }

    expo_id_print(id, &im->scan);

    expo_base64_print(headers[0], im->original.header, EXPO_BLOB_HEADER);
    expo_base64_print(headers[1], im->volume.header, EXPO_BLOB_HEADER);
    expo_base64_print(headers[2], im->thumbnail.header, EXPO_BLOB_HEADER);

    message = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}",
                        "type", "import", "scan", id, "format", "tar",
                        "original_header", headers[0],
                        "volume_header", headers[1],
                        "thumbnail_header", headers[2]);
    if (message == NULL) {
        return NGX_AGAIN;
    }

    ngx_memcpy(keys, im->original.key, 32);
    ngx_memcpy(keys + 32, im->volume.key, 32);
    ngx_memcpy(keys + 64, im->thumbnail.key, 32);

    fds[0] = im->original_fd;
    fds[1] = im->volume_file.fd;
    fds[2] = im->thumbnail_file.fd;

    rc = ngx_exposure_control_send((ngx_uint_t) worker, message, keys,
                                   sizeof(keys), fds, 3);

    ngx_explicit_memzero(keys, sizeof(keys));
    json_decref(message);

    if (rc != NGX_OK) {
        return NGX_AGAIN;
    }

    im->worker = (ngx_uint_t) worker;
    im->state = NGX_EXPOSURE_IMPORT_RUNNING;
    ngx_add_timer(&im->timer, NGX_EXPOSURE_IMPORT_SILENCE);

    return NGX_OK;
}


static ngx_exposure_import_t *
ngx_exposure_import_find(ngx_uint_t worker, json_t *message)
{
    expo_id_t               scan;
    const char             *text;
    ngx_queue_t            *q;
    ngx_exposure_import_t  *im;

    text = json_string_value(json_object_get(message, "scan"));

    if (text == NULL || ngx_exposure_imports.next == NULL
        || expo_id_parse(&scan, text, ngx_strlen(text)) != EXPO_OK)
    {
        return NULL;
    }

    for (q = ngx_queue_head(&ngx_exposure_imports);
         q != ngx_queue_sentinel(&ngx_exposure_imports);
         q = ngx_queue_next(q))
    {
        im = ngx_queue_data(q, ngx_exposure_import_t, queue);

        if (im->state == NGX_EXPOSURE_IMPORT_RUNNING && im->worker == worker
            && ngx_memcmp(im->scan.b, scan.b, sizeof(scan.b)) == 0)
        {
            return im;
        }
    }

    return NULL;
}


static void
ngx_exposure_import_finish(ngx_exposure_import_t *im)
{
    if (im->timer.timer_set) {
        ngx_del_timer(&im->timer);
    }

    im->state = NGX_EXPOSURE_IMPORT_FINISH;
    ngx_exposure_import_step(im);
}


static void
ngx_exposure_import_fail(ngx_exposure_import_t *im, const char *code,
    const char *detail)
{
    json_decref(im->imported);
    json_decref(im->failure);

    im->imported = NULL;
    im->failure = json_pack("{s:s, s:s}", "code", code, "detail", detail);

    ngx_exposure_import_finish(im);
}


static void
ngx_exposure_import_finish_done(void *data)
{
    ngx_exposure_import_t *im = data;

    switch (im->st) {

    case EXPO_OK:
    case EXPO_NOT_FOUND:
        break;

    case EXPO_AGAIN:
        ngx_add_timer(&im->timer, NGX_EXPOSURE_IMPORT_WAIT);
        return;

    case EXPO_NO_SPACE:
    case EXPO_CORRUPT:
        if (im->imported) {
            ngx_exposure_import_fail(im,
                   im->st == EXPO_CORRUPT ? "damaged" : "no_space",
                   im->st == EXPO_CORRUPT
                   ? "What was read of this scan is damaged. Delete it and "
                     "upload it again."
                   : "There was no space left for this scan. Delete it, make "
                     "room, and upload it again.");
            return;
        }

        /* fall through */

    default:
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "exposure: an import cannot end: %s",
                      expo_status_name(im->st));
    }

    ngx_exposure_import_end(im);
}


static void
ngx_exposure_import_close(ngx_exposure_import_t *im)
{
    ngx_uint_t  i;

    if (im->timer.timer_set) {
        ngx_del_timer(&im->timer);
    }

    for (i = 0; i < NGX_EXPOSURE_IMPORT_MAX; i++) {
        if (ngx_exposure_import_places[i] == im) {
            ngx_exposure_import_places[i] = NULL;
        }
    }

    if (im->original_fd != -1) {
        close(im->original_fd);
        im->original_fd = -1;
    }

    if (im->volume_file.fd != -1) {
        close(im->volume_file.fd);
        im->volume_file.fd = -1;
    }

    if (im->thumbnail_file.fd != -1) {
        close(im->thumbnail_file.fd);
        im->thumbnail_file.fd = -1;
    }
}


static void
ngx_exposure_import_end(ngx_exposure_import_t *im)
{
    ngx_exposure_import_close(im);
    ngx_exposure_zone_import_end(&im->scan);
    ngx_queue_remove(&im->queue);

    json_decref(im->imported);
    json_decref(im->failure);

    ngx_explicit_memzero(im, sizeof(ngx_exposure_import_t));
    ngx_free(im);
}
