/*
 * A stand-in for an nginx worker: starts the real render-worker as a process and
 * speaks the control protocol with it. For tests and measurements.
 */

#ifndef WORKER_CLIENT_H
#define WORKER_CLIENT_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/base64.h"
#include "lib/control.h"
#include "lib/frame.h"
#include "lib/id.h"
#include "lib/ring.h"
#include "lib/schema.h"
#include "lib/vault.h"
#include "lib/volume.h"

#define CLIENT_RECORD (1u << 20)

typedef struct {
    pid_t pid;
    char dir[64];
    char socket[96];
} client_worker_t;

typedef struct {
    int sock;
    expo_schema_t *schema;
    int bad; /* messages that were not as the schema says */
    int fd;  /* that came with the last message; -1 */
    expo_ring_t ring;
    uint8_t *record;
} client_t;

/* A sealed blob as an nginx worker would have it. */
typedef struct {
    expo_id_t scan;
    expo_blob_t blob;
    char header[EXPO_BASE64_TEXT(EXPO_BLOB_HEADER)];
    int fd;
} client_blob_t;

static inline double
client_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

/* build/t/unit/x and build/t/bench/x both find build/name. */
static inline void
client_program(char *path, size_t bytes, const char *name)
{
    ssize_t n = readlink("/proc/self/exe", path, bytes - 1);
    int up;

    path[n > 0 ? n : 0] = '\0';

    for (up = 0; up < 3 && strrchr(path, '/') != NULL; up++) {
        *strrchr(path, '/') = '\0';
    }

    snprintf(path + strlen(path), bytes - strlen(path), "/%s", name);
}

/* memory: MiB for a scan, or NULL. */
static inline bool
client_start_with(client_worker_t *w, const char *slots, const char *grace,
                  const char *importer, const char *memory)
{
    char program[512], import[512];
    int i, sock;
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    strcpy(w->dir, "/tmp/exposure-worker-XXXXXX");
    if (mkdtemp(w->dir) == NULL) {
        return false;
    }

    snprintf(w->socket, sizeof(w->socket), "%s/socket", w->dir);
    client_program(program, sizeof(program), "render-worker");
    client_program(import, sizeof(import), "exposure-import");

    w->pid = fork();
    if (w->pid == 0) {
        int quiet = open("/dev/null", O_WRONLY);

        if (getenv("CLIENT_LOG") == NULL) {
            dup2(quiet, 2);
        }

        execl(program, "render-worker", "--socket", w->socket, "--slots",
              slots, "--grace", grace, "--import", importer ? importer : import,
              memory ? "--scan-memory" : NULL, memory, (char *) NULL);
        _exit(127);
    }

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", w->socket);

    for (i = 0; i < 500; i++) {
        sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (connect(sock, (struct sockaddr *) &a, sizeof(a)) == 0) {
            close(sock);
            return true;
        }

        close(sock);
        usleep(10000);
    }

    return false;
}

static inline bool
client_start(client_worker_t *w, const char *slots, const char *grace,
             const char *importer)
{
    return client_start_with(w, slots, grace, importer, NULL);
}

/* Its exit status, as waitpid gives it. */
static inline int
client_stop(client_worker_t *w)
{
    int status = -1, i;

    kill(w->pid, SIGTERM);

    for (i = 0; i < 500 && waitpid(w->pid, &status, WNOHANG) == 0; i++) {
        usleep(10000);
    }

    if (i == 500) {
        kill(w->pid, SIGKILL);
        waitpid(w->pid, &status, 0);
    }

    unlink(w->socket);
    rmdir(w->dir);

    return status;
}

static inline bool
client_connect(client_t *c, const client_worker_t *w)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    memset(c, 0, sizeof(*c));
    c->fd = -1;
    c->record = malloc(CLIENT_RECORD);
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", w->socket);
    c->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    return expo_schema_open("messages", &c->schema) == EXPO_OK
           && connect(c->sock, (struct sockaddr *) &a, sizeof(a)) == 0;
}

static inline void
client_close(client_t *c)
{
    close(c->sock);

    if (c->fd >= 0) {
        close(c->fd);
    }

    if (c->ring.base != NULL) {
        munmap(c->ring.base, c->ring.bytes);
    }

    expo_schema_close(c->schema);
    free(c->record);
}

/* message is consumed. */
static inline bool
client_send(client_t *c, json_t *message, const int *fds, size_t n,
            const uint8_t *secret, size_t bytes)
{
    static uint8_t buf[EXPO_CONTROL_BYTES];
    size_t len;
    expo_status_t st;

    st = expo_control_write(buf, sizeof(buf), &len, message, secret, bytes);
    json_decref(message);

    return st == EXPO_OK
           && expo_control_send(c->sock, buf, len, fds, n) == EXPO_OK;
}

static inline bool
client_say(client_t *c, json_t *message)
{
    return client_send(c, message, NULL, 0, NULL, 0);
}

/* Connects and says hello. */
static inline bool
client_greet(client_t *c, const client_worker_t *w)
{
    return client_connect(c, w)
           && client_say(c, json_pack("{s:s, s:i, s:i}", "type", "hello",
                                      "version", 1, "pid", (int) getpid()));
}

/* The next message; NULL when none comes in time, or the connection ended. */
static inline json_t *
client_next(client_t *c, double seconds)
{
    static uint8_t buf[EXPO_CONTROL_BYTES];
    struct pollfd p = {c->sock, POLLIN, 0};
    int fds[EXPO_CONTROL_FDS];
    size_t len, n;
    expo_control_t m;
    char def[64], error[256];

    if (poll(&p, 1, (int) (seconds * 1000)) <= 0
        || expo_control_recv(c->sock, buf, sizeof(buf), &len, fds, &n)
               != EXPO_OK
        || len == 0 || expo_control_read(&m, buf, len) != EXPO_OK) {
        return NULL;
    }

    if (n > 0) {
        if (c->fd >= 0) {
            close(c->fd);
        }

        c->fd = fds[0];
    }

    snprintf(def, sizeof(def), "control_%s",
             json_string_value(json_object_get(m.json, "type")));

    if (expo_schema_check(c->schema, def, m.json, error, sizeof(error))
        != EXPO_OK) {
        printf("# %s: %s\n", def, error);
        c->bad++;
    }

    return m.json;
}

static inline const char *
client_text(const json_t *message, const char *name)
{
    const char *text = json_string_value(json_object_get(message, name));

    return text ? text : "";
}

/* Skips to the next message of this type; NULL when none comes in time. */
static inline json_t *
client_wait(client_t *c, const char *type, double seconds)
{
    double until = client_now() + seconds;
    json_t *m;

    while (client_now() < until
           && (m = client_next(c, until - client_now())) != NULL) {
        if (strcmp(client_text(m, "type"), type) == 0) {
            return m;
        }

        json_decref(m);
    }

    return NULL;
}

/* Did it come, and does this member say that? (NULL: any) */
static inline bool
client_hears(client_t *c, const char *type, const char *name,
             const char *value, double seconds)
{
    json_t *m = client_wait(c, type, seconds);
    bool ok = m != NULL
              && (name == NULL || strcmp(client_text(m, name), value) == 0);

    if (m != NULL && !ok) {
        printf("# %s has %s \"%s\"\n", type, name, client_text(m, name));
    }

    json_decref(m);
    return ok;
}

/* Maps the ring that came with `joined`, as nginx does. */
static inline bool
client_map(client_t *c, const json_t *joined)
{
    size_t bytes =
        (size_t) json_integer_value(json_object_get(joined, "ring_bytes"));
    int seals = fcntl(c->fd, F_GET_SEALS);
    void *base;

    if (seals < 0 || !(seals & F_SEAL_SHRINK) || !(seals & F_SEAL_GROW)
        || !(seals & F_SEAL_SEAL)) {
        return false;
    }

    base = mmap(NULL, bytes, PROT_READ, MAP_SHARED, c->fd, 0);

    return base != MAP_FAILED
           && expo_ring_attach(&c->ring, base, bytes) == EXPO_OK;
}

/* The next doorbell's frame; the payload is behind the header in c->record. */
static inline bool
client_frame(client_t *c, expo_frame_t *f, double seconds)
{
    double until = client_now() + seconds;
    json_t *m;
    uint32_t sequence;
    size_t bytes;

    while ((m = client_wait(c, "frame", until - client_now())) != NULL) {
        sequence = (uint32_t) json_integer_value(
            json_object_get(m, "sequence"));
        json_decref(m);

        if (expo_ring_copy(&c->ring, sequence, c->record, CLIENT_RECORD,
                           &bytes)
                == EXPO_OK
            && expo_frame_read(f, c->record, bytes) == EXPO_OK) {
            return true;
        }
    }

    return false;
}

/* A sealed blob of this content in an unnamed file. */
static inline void
client_seal(client_blob_t *b, const expo_id_t *scan, expo_blob_kind_t kind,
            const uint8_t *src, size_t len)
{
    static uint8_t counter;
    uint8_t dek[32], salt[32], *sealed;
    expo_id_t id = {{0}};
    size_t chunk, n;
    uint64_t index;
    int last = 0;

    memset(dek, 7, sizeof(dek));
    memset(salt, ++counter, sizeof(salt));
    id.b[0] = counter;
    b->scan = *scan;
    b->fd = memfd_create("sealed", MFD_CLOEXEC);

    if (expo_vault_blob_new(&b->blob, dek, 1, scan, &id, kind,
                            kind == EXPO_BLOB_THUMBNAIL ? 16 : 20, salt)
        != EXPO_OK) {
        abort();
    }

    expo_base64_print(b->header, b->blob.header, EXPO_BLOB_HEADER);

    if (src == NULL) {
        return;
    }

    chunk = expo_vault_blob_chunk(&b->blob);
    sealed = malloc(chunk + EXPO_BLOB_TAG);

    if (write(b->fd, b->blob.header, EXPO_BLOB_HEADER) < 0) {
        abort();
    }

    for (index = 0; !last; index++, src += n, len -= n) {
        n = len < chunk ? len : chunk;
        last = n == len;

        if (expo_vault_chunk_seal(&b->blob, index, last, src, n, sealed)
                != EXPO_OK
            || write(b->fd, sealed, n + EXPO_BLOB_TAG) < 0) {
            abort();
        }
    }

    free(sealed);
}

/* A ball of bone in soft tissue in air: n^3 voxels of 1 mm, HU + 1024. */
static inline uint8_t *
client_phantom(uint32_t n, size_t *bytes)
{
    expo_volume_t v = {.dims = {n, n, n},
                       .affine = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0},
                       .scale = 1,
                       .offset = -1024,
                       .voxel_min = 24,
                       .voxel_max = 2224,
                       .unit = "HU",
                       .modality = "CT"};
    uint8_t *volume;
    uint16_t *voxel;
    uint32_t x, y, z;

    *bytes = EXPO_VOLUME_HEADER + 2 * (size_t) n * n * n;
    volume = malloc(*bytes);
    expo_volume_write(volume, &v);
    voxel = (uint16_t *) (void *) (volume + EXPO_VOLUME_HEADER);

    for (z = 0; z < n; z++) {
        for (y = 0; y < n; y++) {
            for (x = 0; x < n; x++) {
                double dx = x - n / 2.0, dy = y - n / 2.0, dz = z - n / 2.0;
                double r = (dx * dx + dy * dy + dz * dz) / (n * n / 4.0);

                *voxel++ = r < 0.25 ? 2224 : r < 0.7 ? 1064 : 24;
            }
        }
    }

    return volume;
}

/* An id that differs for each n. */
static inline void
client_id(expo_id_t *id, char text[EXPO_ID_TEXT + 1], uint8_t n)
{
    memset(id, n, sizeof(*id));
    expo_id_print(text, id);
}

static inline bool
client_open(client_t *c, const char *session, const client_blob_t *volume)
{
    char scan[EXPO_ID_TEXT + 1];

    expo_id_print(scan, &volume->scan);

    return client_send(c,
                       json_pack("{s:s, s:s, s:s, s:s}", "type", "open",
                                 "session", session, "scan", scan, "header",
                                 volume->header),
                       &volume->fd, 1, volume->blob.key, 32);
}

static inline bool
client_about(client_t *c, const char *type, const char *session)
{
    return client_say(
        c, json_pack("{s:s, s:s}", "type", type, "session", session));
}

static inline bool
client_viewers(client_t *c, const char *session, int stream)
{
    return client_say(c, json_pack("{s:s, s:s, s:i, s:i}", "type", "viewers",
                                   "session", session, "stream", stream,
                                   "connect", stream));
}

static inline bool
client_patch(client_t *c, const char *session, int request, json_t *patch)
{
    return client_say(c, json_pack("{s:s, s:s, s:s, s:i, s:o}", "type",
                                   "patch", "session", session, "by", "",
                                   "request", request, "patch", patch));
}

static inline bool
client_pick(client_t *c, const char *session, int request, double x, double y)
{
    return client_say(c, json_pack("{s:s, s:s, s:s, s:i, s:f, s:f}", "type",
                                   "pick", "session", session, "by", "",
                                   "request", request, "x", x, "y", y));
}

/* Opens, joins and maps; false when any of it fails. */
static inline bool
client_watch(client_t *c, const char *session, const client_blob_t *volume)
{
    json_t *joined;
    bool ok;

    if (!client_open(c, session, volume)
        || !client_hears(c, "opened", "session", session, 10)
        || !client_about(c, "join", session)) {
        return false;
    }

    joined = client_wait(c, "joined", 5);
    ok = joined != NULL && client_map(c, joined);
    json_decref(joined);

    return ok;
}

#endif
