#include "lib/ring.h"

#include <stdatomic.h>
#include <string.h>

#define RING_MAGIC 0x31474e49524f5058ull /* "XPORING1" in memory */
#define RING_LINE 64

/*
 * A slot's sequence is 0 while it is empty or being written. It goes to 0
 * before the first byte changes and to its number after the last, so a reader
 * that sees the same number before and after has copied one whole record.
 */
typedef struct {
    _Atomic uint32_t sequence;
    _Atomic uint32_t bytes;
    uint8_t pad[RING_LINE - 8];
} ring_slot_t;

typedef struct {
    uint64_t magic;
    uint32_t slots;
    uint32_t slot_bytes;
    _Atomic uint32_t newest;
    uint8_t pad[RING_LINE - 20];
} ring_head_t;

_Static_assert(sizeof(ring_slot_t) == RING_LINE, "crosses a process");
_Static_assert(sizeof(ring_head_t) == RING_LINE, "crosses a process");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a lock would not be shared");

static size_t ring_stride(uint32_t slot_bytes);
static ring_slot_t *ring_slot(const expo_ring_t *r, uint32_t sequence);
static uint32_t ring_next(uint32_t sequence);


size_t
expo_ring_bytes(uint32_t slots, uint32_t slot_bytes)
{
    if (slots < 2 || slots > EXPO_RING_SLOTS_MAX || slot_bytes < 64 ||
        slot_bytes > EXPO_RING_SLOT_BYTES_MAX) {
        return 0;
    }

    return sizeof(ring_head_t) + slots * ring_stride(slot_bytes);
}


expo_status_t
expo_ring_format(expo_ring_t *r, void *base, size_t bytes, uint32_t slots,
                 uint32_t slot_bytes)
{
    ring_head_t *head = base;

    if (bytes == 0 || expo_ring_bytes(slots, slot_bytes) != bytes) {
        return EXPO_INVALID;
    }

    head->magic = RING_MAGIC;
    head->slots = slots;
    head->slot_bytes = slot_bytes;

    *r = (expo_ring_t){base, bytes, slots, slot_bytes};
    return EXPO_OK;
}


expo_status_t
expo_ring_attach(expo_ring_t *r, const void *base, size_t bytes)
{
    ring_head_t head;

    if (bytes < sizeof(head)) {
        return EXPO_CORRUPT;
    }

    /* Once: the other side may change what it likes afterwards. */
    memcpy(&head, base, sizeof(head));

    if (head.magic != RING_MAGIC ||
        expo_ring_bytes(head.slots, head.slot_bytes) != bytes) {
        return EXPO_CORRUPT;
    }

    *r = (expo_ring_t){(void *) base, bytes, head.slots, head.slot_bytes};
    return EXPO_OK;
}


uint8_t *
expo_ring_begin(expo_ring_t *r, uint32_t *sequence)
{
    ring_slot_t *slot;

    *sequence = ring_next(expo_ring_newest(r));
    slot = ring_slot(r, *sequence);

    atomic_store_explicit(&slot->sequence, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);

    return (uint8_t *) (slot + 1);
}


void
expo_ring_commit(expo_ring_t *r, uint32_t bytes)
{
    ring_head_t *head = r->base;
    uint32_t sequence = ring_next(expo_ring_newest(r));
    ring_slot_t *slot = ring_slot(r, sequence);

    atomic_store_explicit(&slot->bytes, bytes, memory_order_relaxed);
    atomic_store_explicit(&slot->sequence, sequence, memory_order_release);
    atomic_store_explicit(&head->newest, sequence, memory_order_release);
}


uint32_t
expo_ring_newest(const expo_ring_t *r)
{
    ring_head_t *head = r->base;

    return atomic_load_explicit(&head->newest, memory_order_acquire);
}


expo_status_t
expo_ring_copy(const expo_ring_t *r, uint32_t sequence, uint8_t *dst,
               size_t cap, size_t *bytes)
{
    ring_slot_t *slot = ring_slot(r, sequence);
    uint32_t before, len;

    before = atomic_load_explicit(&slot->sequence, memory_order_acquire);

    if (sequence == 0 || before != sequence) {
        /* Serial numbers: what is ahead of the newest is still to come. */
        return (int32_t) (sequence - expo_ring_newest(r)) > 0 ? EXPO_AGAIN
                                                              : EXPO_EXPIRED;
    }

    len = atomic_load_explicit(&slot->bytes, memory_order_relaxed);

    if (len > r->slot_bytes) {
        return EXPO_CORRUPT;
    }

    *bytes = len;
    if (len > cap) {
        return EXPO_TOO_LARGE;
    }

    memcpy(dst, slot + 1, len);

    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&slot->sequence, memory_order_relaxed) !=
        sequence) {
        return EXPO_EXPIRED;
    }

    return EXPO_OK;
}


static size_t
ring_stride(uint32_t slot_bytes)
{
    size_t lines = ((size_t) slot_bytes + RING_LINE - 1) / RING_LINE;

    return sizeof(ring_slot_t) + lines * RING_LINE;
}


static ring_slot_t *
ring_slot(const expo_ring_t *r, uint32_t sequence)
{
    size_t offset = sequence % r->slots * ring_stride(r->slot_bytes);

    return (ring_slot_t *) ((uint8_t *) r->base + sizeof(ring_head_t) + offset);
}


/* 0 means "none", also after four thousand million frames. */
static uint32_t
ring_next(uint32_t sequence)
{
    return sequence == UINT32_MAX ? 1 : sequence + 1;
}
