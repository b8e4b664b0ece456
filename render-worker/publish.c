#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "render-worker/publish.h"

/* Linux 5.1; older headers do not name it. */
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif


expo_status_t
publish_open(publish_t *p)
{
    size_t bytes = expo_ring_bytes(PUBLISH_SLOTS, PUBLISH_SLOT_BYTES);
    expo_status_t st = EXPO_NO_MEMORY;
    void *base = MAP_FAILED;

    p->fd = memfd_create("exposure-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (p->fd < 0) {
        return EXPO_IO;
    }

    if (ftruncate(p->fd, (off_t) bytes) < 0) {
        goto failed;
    }

    base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
    if (base == MAP_FAILED) {
        goto failed;
    }

    madvise(base, bytes, MADV_DONTDUMP);

    if (expo_ring_format(&p->ring, base, bytes, PUBLISH_SLOTS,
                         PUBLISH_SLOT_BYTES) != EXPO_OK ||
        fcntl(p->fd, F_ADD_SEALS,
              F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) <
            0) {
        st = EXPO_IO;
        goto failed;
    }

    return EXPO_OK;

failed:

    if (base != MAP_FAILED) {
        munmap(base, bytes);
    }

    close(p->fd);
    p->fd = -1;

    return st;
}


void
publish_close(publish_t *p)
{
    munmap(p->ring.base, p->ring.bytes);
    close(p->fd);
    p->fd = -1;
}


expo_status_t
publish_frame(publish_t *p, expo_frame_t *frame, const uint8_t *payload)
{
    uint8_t *slot;

    if (frame->bytes > PUBLISH_PAYLOAD) {
        return EXPO_TOO_LARGE;
    }

    slot = expo_ring_begin(&p->ring, &frame->sequence);
    expo_frame_write(slot, frame);
    memcpy(slot + EXPO_FRAME_HEADER, payload, frame->bytes);
    expo_ring_commit(&p->ring, EXPO_FRAME_HEADER + frame->bytes);

    return EXPO_OK;
}
