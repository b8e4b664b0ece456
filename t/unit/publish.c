/* The ring as a reader in another process gets it. */

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "render-worker/publish.c"
#include "t/unit/check.h"

static void
the_descriptor_can_be_read_and_nothing_else(void)
{
    publish_t p;
    void *m;

    check(publish_open(&p) == EXPO_OK);
    check(p.ring.bytes == expo_ring_bytes(PUBLISH_SLOTS, PUBLISH_SLOT_BYTES));
    check(ftruncate(p.fd, 10) < 0);
    check(ftruncate(p.fd, (off_t) p.ring.bytes * 2) < 0);
    check(write(p.fd, "x", 1) < 0);
    check(fcntl(p.fd, F_ADD_SEALS, F_SEAL_WRITE) < 0);
    m = mmap(NULL, p.ring.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p.fd, 0);
    check(m == MAP_FAILED);
    m = mmap(NULL, p.ring.bytes, PROT_READ, MAP_SHARED, p.fd, 0);
    check(m != MAP_FAILED);
    check(fcntl(p.fd, F_GETFD) & FD_CLOEXEC);

    munmap(m, p.ring.bytes);
    publish_close(&p);
    check(p.fd == -1);
}

static void
frames_arrive_in_another_process_as_they_were_sent(void)
{
    static uint8_t payload[PUBLISH_PAYLOAD + 1], record[PUBLISH_SLOT_BYTES];
    expo_frame_t f = {.codec = EXPO_CODEC_MPEG1TS,
                      .revision = 7,
                      .samples = 3,
                      .width = 64,
                      .height = 48};
    publish_t p;
    pid_t reader;
    int status = -1, i;

    check(publish_open(&p) == EXPO_OK);

    for (i = 1; i <= PUBLISH_SLOTS + 3; i++) {
        memset(payload, i, sizeof(payload));
        f.bytes = (uint32_t) i * 1000;
        check_failed_ += publish_frame(&p, &f, payload) != EXPO_OK;
        check_failed_ += f.sequence != (uint32_t) i;
    }

    f.bytes = PUBLISH_PAYLOAD + 1;
    check(publish_frame(&p, &f, payload) == EXPO_TOO_LARGE);
    f.bytes = PUBLISH_PAYLOAD;
    check(publish_frame(&p, &f, payload) == EXPO_OK);

    fflush(stdout);
    reader = fork();

    if (reader == 0) {
        expo_ring_t ring;
        size_t n;
        void *m = mmap(NULL, p.ring.bytes, PROT_READ, MAP_SHARED, p.fd, 0);

        _exit(!(expo_ring_attach(&ring, m, p.ring.bytes) == EXPO_OK
                && expo_ring_newest(&ring) == PUBLISH_SLOTS + 4
                && expo_ring_copy(&ring, 1, record, sizeof(record), &n)
                       == EXPO_EXPIRED
                && expo_ring_copy(&ring, PUBLISH_SLOTS + 3, record,
                                  sizeof(record), &n)
                       == EXPO_OK
                && n == EXPO_FRAME_HEADER + (PUBLISH_SLOTS + 3) * 1000
                && expo_frame_read(&f, record, n) == EXPO_OK
                && f.revision == 7 && f.sequence == PUBLISH_SLOTS + 3
                && record[n - 1] == PUBLISH_SLOTS + 3));
    }

    check(waitpid(reader, &status, 0) == reader);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    publish_close(&p);
}

/* Its owner closes what is open, and -1 is not. */
static void
what_cannot_be_opened_leaves_nothing_behind(void)
{
    struct rlimit before, little;
    publish_t p;

    signal(SIGXFSZ, SIG_IGN);
    check(getrlimit(RLIMIT_FSIZE, &before) == 0);
    little = before;
    little.rlim_cur = PUBLISH_SLOT_BYTES;
    check(setrlimit(RLIMIT_FSIZE, &little) == 0);
    check(publish_open(&p) == EXPO_NO_MEMORY);
    check(p.fd == -1);
    check(setrlimit(RLIMIT_FSIZE, &before) == 0);
}

int
main(void)
{
    what_cannot_be_opened_leaves_nothing_behind();
    the_descriptor_can_be_read_and_nothing_else();
    frames_arrive_in_another_process_as_they_were_sent();

    return done();
}
