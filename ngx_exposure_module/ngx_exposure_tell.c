/*
 * What an execute socket says: to its client where it stands, to the
 * render-worker which session to open.
 */

#include "ngx_exposure_module.h"
#include "ngx_exposure_session.h"

#include <openssl/rand.h>

#include "lib/base64.h"


static ngx_int_t ngx_exposure_tell_ticket(ngx_exposure_execute_t *x,
    uint64_t expiry, char text[EXPO_TICKET_TEXT]);


void
ngx_exposure_tell_queued(ngx_exposure_execute_t *x, uint32_t position,
    uint32_t ahead, uint32_t estimate_s)
{
    if (position == x->position) {
        return;
    }

    x->position = position;

    ngx_exposure_socket_send(x->socket,
        json_pack("{s:s, s:I, s:I, s:I}", "type", "queued",
                  "position", (json_int_t) position,
                  "ahead", (json_int_t) ahead,
                  "estimate_s", (json_int_t) estimate_s));
}


ngx_int_t
ngx_exposure_tell_assigned(ngx_exposure_execute_t *x)
{
    char      id[EXPO_ID_TEXT + 1];
    char      connect[EXPO_TICKET_TEXT], stream[EXPO_TICKET_TEXT];
    uint64_t  expiry;

    expiry = (uint64_t) ngx_time() + NGX_EXPOSURE_TICKET_S;

    if (ngx_exposure_tell_ticket(x, expiry, connect) != NGX_OK
        || ngx_exposure_tell_ticket(x, expiry, stream) != NGX_OK)
    {
        return NGX_ERROR;
    }

    expo_id_print(id, &x->session);

    ngx_exposure_socket_send(x->socket,
        json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:I}",
                  "type", "assigned", "session", id,
                  "connect_url", "/api/v1/connect",
                  "stream_url", "/api/v1/stream",
                  "tickets", "connect", connect, "stream", stream,
                  "expires", (json_int_t) expiry));

    return NGX_OK;
}


static ngx_int_t
ngx_exposure_tell_ticket(ngx_exposure_execute_t *x, uint64_t expiry,
    char text[EXPO_TICKET_TEXT])
{
    expo_ticket_t  ticket;

    ngx_memzero(&ticket, sizeof(expo_ticket_t));

    ticket.session = x->session;
    ngx_memcpy(ticket.tag, x->tag, EXPO_TAG);
    ticket.role = x->role;
    ticket.expiry = expiry;

    if (RAND_bytes(ticket.nonce, sizeof(ticket.nonce)) != 1
        || expo_vault_ticket_print(text, ngx_exposure_main_conf()->names,
                                   &ticket)
           != EXPO_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_exposure_tell_ended(ngx_exposure_execute_t *x, const char *reason,
    const char *detail)
{
    json_t  *message;

    message = json_pack("{s:s, s:s}", "type", "ended", "reason", reason);

    if (message && detail) {
        (void) json_object_set_new(message, "detail", json_string(detail));
    }

    ngx_exposure_socket_send(x->socket, message);
}


ngx_int_t
ngx_exposure_tell_open(ngx_uint_t worker, expo_id_t *session, expo_id_t *scan,
    ngx_exposure_scan_open_t *open)
{
    char        session_id[EXPO_ID_TEXT + 1], scan_id[EXPO_ID_TEXT + 1];
    char        header[EXPO_BASE64_TEXT(EXPO_BLOB_HEADER)];
    json_t     *message;
    ngx_int_t   rc;

    expo_id_print(session_id, session);
    expo_id_print(scan_id, scan);
    header[0] = '\0';

    if (open) {
        expo_base64_print(header, open->blob.header, EXPO_BLOB_HEADER);
    }

    message = json_pack("{s:s, s:s, s:s, s:s}", "type", "open", "session",
                        session_id, "scan", scan_id, "header", header);
    if (message == NULL) {
        return NGX_DECLINED;
    }

    if (open) {
        rc = ngx_exposure_control_send(worker, message, open->blob.key,
                                       sizeof(open->blob.key), &open->fd, 1);
    } else {
        rc = ngx_exposure_control_send(worker, message, NULL, 0, NULL, 0);
    }

    json_decref(message);

    return rc;
}


void
ngx_exposure_tell_adopted(expo_session_t *session)
{
    (void) ngx_exposure_tell_open(session->worker, &session->id,
                                  &session->scan, NULL);
}
