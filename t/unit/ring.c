#include "lib/ring.c"
#include "t/unit/check.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOTS 4
#define SLOT_BYTES 4096


static void *
shared(size_t bytes)
{
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1,
                0);
}


static void
make(expo_ring_t *r)
{
    size_t bytes = expo_ring_bytes(SLOTS, SLOT_BYTES);

    expo_ring_format(r, shared(bytes), bytes, SLOTS, SLOT_BYTES);
}


/* A record whose every word is its own sequence number. */
static uint32_t
publish(expo_ring_t *r)
{
    uint32_t sequence, words, i, *p;

    p = (uint32_t *) (void *) expo_ring_begin(r, &sequence);
    words = 16 + sequence % (SLOT_BYTES / 4 - 15);
    for (i = 0; i < words; i++) {
        p[i] = sequence;
    }

    expo_ring_commit(r, words * 4);
    return sequence;
}


static int
is_whole(const uint32_t *words, size_t bytes, uint32_t sequence)
{
    size_t i;

    if (bytes != 4 * (16 + sequence % (SLOT_BYTES / 4 - 15))) {
        return 0;
    }

    for (i = 0; i < bytes / 4; i++) {
        if (words[i] != sequence) {
            return 0;
        }
    }

    return 1;
}


static void
sizes_out_of_range_are_refused(void)
{
    expo_ring_t r;
    uint8_t *base;
    size_t bytes = expo_ring_bytes(SLOTS, SLOT_BYTES);

    check(expo_ring_bytes(1, 4096) == 0);
    check(expo_ring_bytes(65, 4096) == 0);
    check(expo_ring_bytes(2, 63) == 0);
    check(expo_ring_bytes(2, EXPO_RING_SLOT_BYTES_MAX + 1) == 0);
    check(expo_ring_bytes(64, EXPO_RING_SLOT_BYTES_MAX) > 1u << 30);
    check(expo_ring_bytes(2, 65) == 64 + 2 * (64 + 128));

    base = shared(bytes);
    check(expo_ring_format(&r, base, bytes - 1, SLOTS, SLOT_BYTES) ==
          EXPO_INVALID);
    check(expo_ring_format(&r, base, 0, 1, SLOT_BYTES) == EXPO_INVALID);
    munmap(base, bytes);
}


static void
attach_believes_nothing(void)
{
    size_t bytes = expo_ring_bytes(SLOTS, SLOT_BYTES);
    ring_head_t *head;
    expo_ring_t r, reader;

    make(&r);
    head = r.base;

    check(expo_ring_attach(&reader, r.base, bytes) == EXPO_OK);
    check(reader.slots == SLOTS && reader.slot_bytes == SLOT_BYTES);
    check(expo_ring_attach(&reader, r.base, bytes - 64) == EXPO_CORRUPT);
    check(expo_ring_attach(&reader, r.base, 8) == EXPO_CORRUPT);

    head->slots = SLOTS + 1;
    check(expo_ring_attach(&reader, r.base, bytes) == EXPO_CORRUPT);
    head->slots = 0x80000000u + SLOTS;
    check(expo_ring_attach(&reader, r.base, bytes) == EXPO_CORRUPT);
    head->slots = SLOTS;
    head->slot_bytes = SLOT_BYTES * 2;
    check(expo_ring_attach(&reader, r.base, bytes) == EXPO_CORRUPT);
    head->slot_bytes = SLOT_BYTES;
    head->magic ^= 1;
    check(expo_ring_attach(&reader, r.base, bytes) == EXPO_CORRUPT);
    munmap(r.base, bytes);
}


static void
records_live_until_their_slot_is_taken(void)
{
    expo_ring_t r;
    uint32_t out[SLOT_BYTES / 4], opened;
    size_t n, i;

    make(&r);
    check(expo_ring_newest(&r) == 0);
    check(expo_ring_copy(&r, 1, (uint8_t *) out, SLOT_BYTES, &n) == EXPO_AGAIN);
    check(expo_ring_copy(&r, 0, (uint8_t *) out, SLOT_BYTES, &n) ==
          EXPO_EXPIRED);

    for (i = 1; i <= 6; i++) {
        check(publish(&r) == i && expo_ring_newest(&r) == i);
    }

    check(expo_ring_copy(&r, 2, (uint8_t *) out, SLOT_BYTES, &n) ==
          EXPO_EXPIRED);
    for (i = 3; i <= 6; i++) {
        check(expo_ring_copy(&r, (uint32_t) i, (uint8_t *) out, SLOT_BYTES,
                             &n) == EXPO_OK &&
              is_whole(out, n, (uint32_t) i));
    }
    check(expo_ring_copy(&r, 7, (uint8_t *) out, SLOT_BYTES, &n) == EXPO_AGAIN);

    /* The slot of 3 is the one that 7 is being written to. */
    expo_ring_begin(&r, &opened);
    check(opened == 7 && expo_ring_newest(&r) == 6);
    check(expo_ring_copy(&r, 3, (uint8_t *) out, SLOT_BYTES, &n) ==
          EXPO_EXPIRED);
    check(expo_ring_copy(&r, 7, (uint8_t *) out, SLOT_BYTES, &n) == EXPO_AGAIN);
    munmap(r.base, r.bytes);
}


static void
lengths_are_checked_before_copying(void)
{
    expo_ring_t r;
    uint8_t out[SLOT_BYTES];
    ring_slot_t *slot;
    size_t n;

    make(&r);
    publish(&r);
    slot = ring_slot(&r, 1);

    check(expo_ring_copy(&r, 1, out, 67, &n) == EXPO_TOO_LARGE && n == 68);
    check(expo_ring_copy(&r, 1, out, 68, &n) == EXPO_OK && n == 68);
    atomic_store(&slot->bytes, SLOT_BYTES + 1);
    check(expo_ring_copy(&r, 1, out, sizeof(out), &n) == EXPO_CORRUPT);
    munmap(r.base, r.bytes);
}


static void
numbers_go_on_after_the_last_one(void)
{
    expo_ring_t r;
    uint8_t out[SLOT_BYTES];
    ring_head_t *head;
    size_t n;

    make(&r);
    head = r.base;
    atomic_store(&head->newest, UINT32_MAX - 1);

    check(publish(&r) == UINT32_MAX);
    check(expo_ring_copy(&r, 1, out, sizeof(out), &n) == EXPO_AGAIN);
    check(publish(&r) == 1);
    check(expo_ring_copy(&r, 1, out, sizeof(out), &n) == EXPO_OK);
    check(expo_ring_copy(&r, UINT32_MAX, out, sizeof(out), &n) == EXPO_OK);
    munmap(r.base, r.bytes);
}


/* Exit 0: every record that copied was whole, and enough did. */
static int
read_until(expo_ring_t *r, uint32_t last)
{
    uint32_t out[SLOT_BYTES / 4], newest, copied = 0, seen = 0;
    size_t n;

    do {
        newest = expo_ring_newest(r);
        if (newest == seen) {
            usleep(20);
            continue;
        }

        seen = newest;
        if (expo_ring_copy(r, newest, (uint8_t *) out, SLOT_BYTES, &n) ==
            EXPO_OK) {
            copied++;
            if (!is_whole(out, n, newest)) {
                return 1;
            }
        }
    } while (newest < last);

    return copied < 100 ? 2 : 0;
}


static void
readers_in_other_processes_see_only_whole_records(void)
{
    enum { LAST = 60000, READERS = 3 };
    pid_t pids[READERS + 1];
    expo_ring_t r;
    int i, status;

    make(&r);
    fflush(stdout);

    for (i = 0; i <= READERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            _exit(read_until(&r, i < READERS ? LAST : UINT32_MAX));
        }
    }

    for (i = 1; i <= LAST; i++) {
        publish(&r);

        if (i == LAST / 2) {
            kill(pids[READERS], SIGKILL); /* midway through a copy, perhaps */
        }

        if (i % 64 == 0) {
            usleep(50);
        }
    }

    for (i = 0; i < READERS; i++) {
        waitpid(pids[i], &status, 0);
        check(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }

    waitpid(pids[READERS], &status, 0);
    check(WIFSIGNALED(status));
    check(publish(&r) == LAST + 1);
    munmap(r.base, r.bytes);
}


int
main(void)
{
    sizes_out_of_range_are_refused();
    attach_believes_nothing();
    records_live_until_their_slot_is_taken();
    lengths_are_checked_before_copying();
    numbers_go_on_after_the_last_one();
    readers_in_other_processes_see_only_whole_records();
    return done();
}
