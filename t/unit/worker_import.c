/* Imports through the real render-worker and the real exposure-import. */

#include <sys/mman.h>
#include <sys/stat.h>

#include "t/lib/dicom_series.h"
#include "t/lib/worker_client.h"
#include "t/unit/check.h"

static client_worker_t worker;
static char session_a[EXPO_ID_TEXT + 1];

static bool
greet(client_t *c)
{
    return client_greet(c, &worker);
}

typedef struct {
    client_blob_t original, volume, thumbnail;
} job_t;

/* thumbnail_fd: in place of the thumbnail's own; -1: none. */
static bool
import_to(client_t *c, job_t *j, uint8_t number, int slices, int thumbnail_fd)
{
    expo_id_t id;
    char scan[EXPO_ID_TEXT + 1];
    uint8_t keys[96], *tar;
    size_t bytes;
    int fds[3];

    client_id(&id, scan, number);
    tar = dicom_series(slices, &bytes);
    client_seal(&j->original, &id, EXPO_BLOB_ORIGINAL, tar, bytes);
    client_seal(&j->volume, &id, EXPO_BLOB_VOLUME, NULL, 0);
    client_seal(&j->thumbnail, &id, EXPO_BLOB_THUMBNAIL, NULL, 0);
    free(tar);

    fds[0] = j->original.fd;
    fds[1] = j->volume.fd;
    fds[2] = thumbnail_fd < 0 ? j->thumbnail.fd : thumbnail_fd;
    memcpy(keys, j->original.blob.key, 32);
    memcpy(keys + 32, j->volume.blob.key, 32);
    memcpy(keys + 64, j->thumbnail.blob.key, 32);

    return client_send(
        c,
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", "import", "scan",
                  scan, "format", "tar", "original_header", j->original.header,
                  "volume_header", j->volume.header, "thumbnail_header",
                  j->thumbnail.header),
        fds, 3, keys, sizeof(keys));
}

static bool
ask_index(client_t *c, client_blob_t *original, const char *header, int fd)
{
    char scan[EXPO_ID_TEXT + 1];
    expo_id_t id;
    uint8_t *tar;
    size_t bytes;
    int fds[2];

    client_id(&id, scan, 40);
    tar = dicom_series(12, &bytes);
    client_seal(original, &id, EXPO_BLOB_ORIGINAL, tar, bytes);
    free(tar);

    fds[0] = original->fd;
    fds[1] = fd;

    return client_send(c,
                       json_pack("{s:s, s:s, s:s}", "type", "index", "scan",
                                 scan, "original_header",
                                 header ? header : original->header),
                       fds, fd < 0 ? 1 : 2, original->blob.key, 32);
}

static bool
import(client_t *c, job_t *j, uint8_t number, int slices)
{
    return import_to(c, j, number, slices, -1);
}

static void
forget(job_t *j)
{
    close(j->original.fd);
    close(j->volume.fd);
    close(j->thumbnail.fd);
}

static void
an_imported_scan_can_be_opened(void)
{
    client_t c;
    job_t j;
    json_t *m, *v;
    uint8_t sealed[65536 + 16], png[65536];
    uint64_t bytes;
    expo_frame_t f;
    double begun = client_now();

    check(greet(&c));
    check(import(&c, &j, 20, 24));
    check(client_hears(&c, "progress", NULL, NULL, 10));
    m = client_wait(&c, "imported", 30);
    printf("# imported in %.0f ms\n", (client_now() - begun) * 1000);
    check(m != NULL);
    v = json_object_get(m, "volume");
    check(json_integer_value(json_array_get(json_object_get(v, "dims"), 2))
          == 24);
    check(json_number_value(json_array_get(json_object_get(v, "spacing_mm"), 2))
          == 2);
    check(strcmp(client_text(v, "unit"), "HU") == 0);
    check(strcmp(client_text(v, "modality"), "CT") == 0);
    check(json_is_object(json_object_get(m, "report")));
    check(json_integer_value(json_object_get(m, "volume_bytes"))
          == lseek(j.volume.fd, 0, SEEK_END));

    bytes = (uint64_t) json_integer_value(
        json_object_get(m, "thumbnail_bytes"));
    check((off_t) bytes == lseek(j.thumbnail.fd, 0, SEEK_END));
    json_decref(m);

    /* The first chunk of the thumbnail: a PNG of 320 x 320. */
    bytes -= EXPO_BLOB_HEADER;
    bytes = bytes < sizeof(sealed) ? bytes : sizeof(sealed);
    check(pread(j.thumbnail.fd, sealed, bytes, EXPO_BLOB_HEADER)
          == (ssize_t) bytes);
    check(expo_vault_chunk_open(&j.thumbnail.blob, 0, bytes < sizeof(sealed),
                                sealed, bytes, png)
          == EXPO_OK);
    check(memcmp(png, "\x89PNG", 4) == 0);
    check(png[18] == 1 && png[19] == 64 && png[22] == 1 && png[23] == 64);

    check(client_watch(&c, session_a, &j.volume));
    check(client_viewers(&c, session_a, 1));
    check(client_frame(&c, &f, 5));
    check(client_about(&c, "close", session_a));
    check(client_hears(&c, "ended", NULL, NULL, 5));
    check(c.bad == 0);

    forget(&j);
    client_close(&c);
}

static void
a_text_file_is_refused_with_a_sentence(void)
{
    client_t c;
    job_t j;
    json_t *m;

    check(greet(&c));
    check(import(&c, &j, 21, 0));
    m = client_wait(&c, "failed", 20);
    check(m != NULL);
    printf("# %s: %s\n", client_text(m, "code"), client_text(m, "detail"));
    check(strcmp(client_text(m, "code"), "import_crashed") != 0);
    check(strlen(client_text(m, "detail")) > 10);
    check(json_is_object(json_object_get(m, "report")));
    json_decref(m);

    check(lseek(j.volume.fd, 0, SEEK_END) == 0);
    check(c.bad == 0);
    forget(&j);
    client_close(&c);
}

static void
a_scan_without_a_thumbnail_is_still_a_scan(void)
{
    client_t c;
    job_t j;
    json_t *m;
    expo_frame_t f;
    int nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC);

    check(greet(&c));
    check(import_to(&c, &j, 22, 24, nowhere));
    m = client_wait(&c, "imported", 30);
    check(m != NULL);
    check(json_integer_value(json_object_get(m, "thumbnail_bytes")) == 0);
    check(json_integer_value(json_object_get(m, "volume_bytes"))
          == lseek(j.volume.fd, 0, SEEK_END));
    json_decref(m);

    check(client_watch(&c, session_a, &j.volume));
    check(client_viewers(&c, session_a, 1));
    check(client_frame(&c, &f, 5));
    check(client_about(&c, "close", session_a));
    check(c.bad == 0);

    close(nowhere);
    forget(&j);
    client_close(&c);
}

/* An importer taken over by a stranger's file: it floods, and it mumbles. */
static void
what_a_child_says_is_held_within_bounds(void)
{
    static const char script[] =
        "#!/bin/sh\n"
        "yes '{\"stage\":\"reading\",\"fraction\":0}' | head -n 100000 >&3\n"
        "printf '{\"report\":{\"failure\":{\"code\":\"odd\",\"detail\":\"' "
        ">&3\n"
        /* Two bytes a character, and a limit that falls between them. */
        "printf 'x%0300d' 0 | sed 's/0/\303\251/g' >&3\n"
        "echo '\"}}}' >&3\n"
        "exit 2\n";
    char path[128];
    client_worker_t other;
    client_t c;
    job_t j;
    json_t *m;
    FILE *file;
    int told = 0;
    double begun;

    snprintf(path, sizeof(path), "%s/child", worker.dir);
    file = fopen(path, "w");
    check(file != NULL && fputs(script, file) >= 0);
    fclose(file);
    check(chmod(path, 0700) == 0);
    check(client_start(&other, "1", "1", path));

    check(client_greet(&c, &other));
    begun = client_now();
    check(import(&c, &j, 23, 4));

    while ((m = client_next(&c, 20)) != NULL
           && strcmp(client_text(m, "type"), "failed") != 0) {
        told += strcmp(client_text(m, "type"), "progress") == 0;
        json_decref(m);
    }

    check(m != NULL && strcmp(client_text(m, "code"), "odd") == 0);
    check(strlen(client_text(m, "detail")) == 299);
    printf("# progress told %d times in %.1f s\n", told, client_now() - begun);
    check(told >= 1 && told <= (client_now() - begun) * 10 + 1);
    check(c.bad == 0);

    json_decref(m);
    forget(&j);
    client_close(&c);
    client_stop(&other);
    unlink(path);
}

/* As when the kernel wants its memory back: a script that is killed, and how
 * often it ran. */
static void
an_import_killed_from_outside_is_tried_once_more(void)
{
    static const struct {
        int killed;
        const char *code;
    } cases[] = {{1, "odd"}, {2, "import_killed"}};
    static const char script[] =
        "#!/bin/sh\n"
        "echo >>$0.runs\n"
        "[ $(wc -l <$0.runs) -gt %d ] || kill -KILL $$\n"
        "echo '{\"report\":{\"failure\":{\"code\":\"odd\"}}}' >&3\n"
        "exit 2\n";
    char path[128], runs[140];
    client_worker_t other;
    client_t c;
    job_t j;
    FILE *file;
    size_t i;

    snprintf(path, sizeof(path), "%s/killed", worker.dir);
    snprintf(runs, sizeof(runs), "%s.runs", path);

    for (i = 0; i < 2; i++) {
        file = fopen(path, "w");
        check(file != NULL && fprintf(file, script, cases[i].killed) > 0);
        fclose(file);
        check(chmod(path, 0700) == 0);
        check(client_start(&other, "1", "1", path));

        check(client_greet(&c, &other));
        check(import(&c, &j, (uint8_t) (24 + i), 4));
        check(client_hears(&c, "failed", "code", cases[i].code, 20));
        check(c.bad == 0);

        forget(&j);
        client_close(&c);
        client_stop(&other);
        unlink(path);
        unlink(runs);
    }
}

/* More than run at once, and one whose asker has gone. */
static void
imports_wait_for_each_other(void)
{
    client_t c, d;
    job_t jobs[4], other;
    int i, done_ones = 0;

    check(greet(&c) && greet(&d));
    check(import(&d, &other, 40, 24));

    for (i = 0; i < 4; i++) {
        check(import(&c, &jobs[i], (uint8_t) (30 + i), i % 2 ? 0 : 4));
    }

    client_close(&d);

    for (i = 0; i < 4; i++) {
        json_t *m;

        do {
            m = client_next(&c, 20);
        } while (m != NULL && strcmp(client_text(m, "type"), "imported") != 0
                 && strcmp(client_text(m, "type"), "failed") != 0
                 && (json_decref(m), true));

        done_ones += m != NULL;
        json_decref(m);
    }

    check(done_ones == 4);
    check(c.bad == 0);

    for (i = 0; i < 4; i++) {
        forget(&jobs[i]);
    }

    forget(&other);
    client_close(&c);
}
static void
an_index_names_every_file_of_an_upload(void)
{
    static char text[65536];
    client_blob_t original;
    client_t c;
    json_t *m, *index, *file;
    int fd = memfd_create("index", MFD_CLOEXEC);
    size_t i, placed = 0;
    ssize_t n;

    check(greet(&c));
    check(ask_index(&c, &original, NULL, fd));
    m = client_wait(&c, "indexed", 30);
    check(m != NULL);
    n = pread(fd, text, sizeof(text), 0);
    check(n > 0 && json_integer_value(json_object_get(m, "bytes")) == n);
    json_decref(m);

    index = json_loadb(text, (size_t) n, 0, NULL);
    check(json_integer_value(json_object_get(index, "series")) == 1);
    check(json_array_size(json_object_get(index, "files")) == 12);
    json_array_foreach(json_object_get(index, "files"), i, file)
    {
        placed += json_integer_value(json_object_get(file, "series")) == 0
                  && json_integer_value(json_object_get(file, "at")) > 0
                  && json_integer_value(json_object_get(file, "bytes")) > 0
                  && json_string_length(json_object_get(file, "code")) == 0;
    }
    check(placed == 12);
    json_decref(index);
    close(original.fd);

    check(ask_index(&c, &original, "x", fd));
    check(client_hears(&c, "failed", "code", "bad_message", 10));
    close(original.fd);
    check(ask_index(&c, &original, NULL, -1));
    check(client_hears(&c, "failed", "code", "bad_message", 10));
    close(original.fd);

    close(fd);
    client_close(&c);
}


int
main(void)
{
    expo_id_t id;
    int status;

    setvbuf(stdout, NULL, _IOLBF, 0);
    client_id(&id, session_a, 1);
    check(client_start(&worker, "2", "1", NULL));

    an_imported_scan_can_be_opened();
    a_text_file_is_refused_with_a_sentence();
    a_scan_without_a_thumbnail_is_still_a_scan();
    what_a_child_says_is_held_within_bounds();
    an_import_killed_from_outside_is_tried_once_more();
    imports_wait_for_each_other();
    an_index_names_every_file_of_an_upload();

    status = client_stop(&worker);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    return done();
}
