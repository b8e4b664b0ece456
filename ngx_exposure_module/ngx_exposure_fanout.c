/*
 * Ring -> every stream viewer. A record is copied out of the ring once, into a
 * frame that viewers share (lib/fanout.h); a viewer that lags skips.
 */

#include "ngx_exposure_module.h"
#include "ngx_exposure_socket.h"

#include <sys/mman.h>
#include <sys/stat.h>


#define NGX_EXPOSURE_FANOUT_SEALS  (F_SEAL_SHRINK|F_SEAL_GROW)


static expo_fanout_frame_t *ngx_exposure_fanout_copy(
    ngx_exposure_room_t *room, uint32_t sequence);
static void ngx_exposure_fanout_link(ngx_exposure_room_t *room,
    expo_fanout_frame_t *frame);


ngx_int_t
ngx_exposure_fanout_map(ngx_exposure_room_t *room, int fd)
{
    int          seals;
    void        *base;
    size_t       bytes;
    struct stat  st;

    /* without these seals its owner could cut it short under our feet */

    seals = fcntl(fd, F_GET_SEALS);

    if (seals == -1
        || (seals & NGX_EXPOSURE_FANOUT_SEALS) != NGX_EXPOSURE_FANOUT_SEALS
        || fstat(fd, &st) == -1 || st.st_size <= 0)
    {
        return NGX_DECLINED;
    }

    bytes = (size_t) st.st_size;

    if (bytes > expo_ring_bytes(EXPO_RING_SLOTS_MAX, EXPO_RING_SLOT_BYTES_MAX))
    {
        return NGX_DECLINED;
    }

    base = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) {
        return NGX_DECLINED;
    }

    (void) madvise(base, bytes, MADV_DONTDUMP);

    if (expo_ring_attach(&room->ring, base, bytes) != EXPO_OK) {
        (void) munmap(base, bytes);
        room->ring.base = NULL;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


void
ngx_exposure_fanout_unmap(ngx_exposure_room_t *room)
{
    if (room->ring.base) {
        (void) munmap(room->ring.base, room->ring.bytes);
        room->ring.base = NULL;
    }
}


void
ngx_exposure_fanout_frame(ngx_exposure_room_t *room, uint32_t sequence)
{
    uint32_t              behind;
    expo_fanout_frame_t  *frame;

    if (room->ring.base == NULL) {
        return;
    }

    behind = sequence - room->sequence;

    if (behind > room->ring.slots || room->sequence == 0) {
        behind = 1;     /* the first one, or too late for all but the newest */
    }

    room->sequence = sequence;

    if (ngx_queue_empty(&room->streams)) {
        return;
    }

    while (behind) {
        frame = ngx_exposure_fanout_copy(room, sequence - --behind);

        if (frame) {
            ngx_exposure_fanout_link(room, frame);
            expo_fanout_frame_release(frame);
        }
    }
}


void
ngx_exposure_fanout_keyframe(ngx_exposure_room_t *room)
{
    if (expo_fanout_may_ask(&room->asked_ms, ngx_current_msec)) {
        (void) ngx_exposure_control_tell(room->worker, "keyframe", &room->id);
    }
}


/* NULL: overwritten already, or no frame. The viewers see the gap. */

static expo_fanout_frame_t *
ngx_exposure_fanout_copy(ngx_exposure_room_t *room, uint32_t sequence)
{
    size_t                bytes;
    uint8_t              *record;
    expo_fanout_frame_t  *frame;

    if (expo_ring_copy(&room->ring, sequence, NULL, 0, &bytes)
        != EXPO_TOO_LARGE)
    {
        return NULL;
    }

    frame = expo_fanout_frame_create(bytes, &record);
    if (frame == NULL) {
        return NULL;
    }

    if (expo_ring_copy(&room->ring, sequence, record, bytes, &bytes)
            != EXPO_OK
        || expo_fanout_frame_finish(frame, bytes) != EXPO_OK
        || frame->sequence != sequence)
    {
        expo_fanout_frame_release(frame);
        return NULL;
    }

    return frame;
}


static void
ngx_exposure_fanout_link(ngx_exposure_room_t *room, expo_fanout_frame_t *frame)
{
    ngx_uint_t              wanted;
    ngx_queue_t            *q;
    ngx_exposure_viewer_t  *v;

    wanted = 0;

    for (q = ngx_queue_head(&room->streams);
         q != ngx_queue_sentinel(&room->streams);
         q = ngx_queue_next(q))
    {
        v = ngx_queue_data(q, ngx_exposure_viewer_t, link);

        if (v->socket->closing || v->socket->ending) {
            continue;
        }

        if (expo_fanout_link(&v->frames, frame) == EXPO_OK) {
            ngx_exposure_socket_flush(v->socket);

        } else {
            wanted = 1;
        }
    }

    if (wanted) {
        ngx_exposure_fanout_keyframe(room);
    }
}
