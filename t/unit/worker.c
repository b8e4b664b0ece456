/* The real render-worker as a process, spoken to as nginx does. */

#include "t/lib/worker_client.h"
#include "t/unit/check.h"

#define EDGE 64

static client_worker_t worker;
static client_blob_t volume;
static char session_a[EXPO_ID_TEXT + 1], session_b[EXPO_ID_TEXT + 1],
    session_c[EXPO_ID_TEXT + 1];

static bool
greet(client_t *c)
{
    return client_greet(c, &worker);
}

/* Processor seconds that the worker has used so far. */
static double
worker_cpu(void)
{
    char path[64];
    unsigned long user = 0, system = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int) worker.pid);
    f = fopen(path, "r");

    if (f == NULL
        || fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu "
                     "%lu",
                  &user, &system)
               != 2) {
        abort();
    }

    fclose(f);
    return (double) (user + system) / (double) sysconf(_SC_CLK_TCK);
}

static json_t *
fov(double deg)
{
    return json_pack("{s:{s:f}}", "camera", "fov_deg", deg);
}

static void
hello_is_answered_with_hello_and_status(void)
{
    client_t c;
    json_t *m;

    check(greet(&c));
    m = client_wait(&c, "hello", 2);
    check(m != NULL);
    check(json_integer_value(json_object_get(m, "slots")) == 2);
    check(json_integer_value(json_object_get(m, "pid")) == worker.pid);
    check(strcmp(json_string_value(
                     json_array_get(json_object_get(m, "codecs"), 0)),
                 "mpeg1")
          == 0);
    json_decref(m);

    m = client_wait(&c, "status", 2);
    check(json_array_size(json_object_get(m, "sessions")) == 0);
    check(strncmp(client_text(m, "device"), "cpu", 3) == 0);
    json_decref(m);

    /* And again, by itself. */
    check(client_hears(&c, "status", NULL, NULL, 2));
    check(c.bad == 0);
    client_close(&c);
}

static void
an_open_that_cannot_work_says_why(void)
{
    client_t c;
    client_blob_t other = volume;
    client_blob_t cut;
    expo_id_t id;
    char scan[EXPO_ID_TEXT + 1];
    static const uint8_t nothing[600];

    check(greet(&c));
    expo_id_print(scan, &volume.scan);

    other.blob.key[5] ^= 1;
    check(client_open(&c, session_a, &other));
    check(client_hears(&c, "failed", "code", "damaged", 5));

    client_id(&id, scan, 99);
    other = volume;
    other.scan = id;
    check(client_open(&c, session_a, &other));
    check(client_hears(&c, "failed", "code", "bad_message", 5));

    client_seal(&cut, &volume.scan, EXPO_BLOB_VOLUME, nothing,
                sizeof(nothing));
    check(client_open(&c, session_a, &cut));
    check(client_hears(&c, "failed", "code", "damaged", 5));

    /* The same, made longer than any memory: a hole of 16 TiB. */
    check(ftruncate(cut.fd,
                    EXPO_BLOB_HEADER + (16LL << 20) * ((1 << 20) + 16))
          == 0);
    check(client_open(&c, session_a, &cut));
    check(client_hears(&c, "failed", "code", "damaged", 5));
    close(cut.fd);

    check(client_send(&c,
                      json_pack("{s:s, s:s, s:s, s:s}", "type", "open",
                                "session", session_a, "scan", scan, "header",
                                volume.header),
                      NULL, 0, volume.blob.key, 32));
    check(client_hears(&c, "failed", "code", "not_found", 5));

    expo_id_print(scan, &volume.scan);
    check(client_send(&c,
                      json_pack("{s:s, s:s, s:s, s:s, s:{s:i}}", "type",
                                "open", "session", session_a, "scan", scan,
                                "header", volume.header, "settings", "version",
                                1),
                      &volume.fd, 1, volume.blob.key, 32));
    check(client_hears(&c, "failed", "code", "bad_settings", 5));

    check(client_about(&c, "join", session_a));
    check(client_hears(&c, "failed", "code", "not_found", 5));
    check(c.bad == 0);
    client_close(&c);
}

static void
slots_are_all_there_is(void)
{
    client_t c;

    check(greet(&c));
    check(client_open(&c, session_a, &volume));
    check(client_hears(&c, "opened", "session", session_a, 5));
    check(client_open(&c, session_b, &volume));
    check(client_hears(&c, "opened", "session", session_b, 5));
    check(client_open(&c, session_c, &volume));
    check(client_hears(&c, "failed", "code", "full", 5));

    check(client_about(&c, "close", session_a));
    check(client_hears(&c, "ended", "reason", "closed", 5));
    check(client_open(&c, session_c, &volume));
    check(client_hears(&c, "opened", "session", session_c, 5));

    check(client_about(&c, "close", session_b));
    check(client_hears(&c, "ended", "session", session_b, 5));
    check(client_about(&c, "close", session_c));
    check(client_hears(&c, "ended", "session", session_c, 5));
    check(c.bad == 0);
    client_close(&c);
}

/* Frames until one shows this revision; how many others came first, or -1. */
static int
frames_until(client_t *c, uint32_t revision, expo_frame_t *f)
{
    int n = 0;

    while (client_frame(c, f, 5)) {
        if (f->revision >= revision) {
            return n;
        }

        n++;
    }

    return -1;
}

static bool
frame_converged(client_t *c, expo_frame_t *f)
{
    while (client_frame(c, f, 10)) {
        if (f->flags & EXPO_FRAME_CONVERGED) {
            return true;
        }
    }

    return false;
}

static void
pictures_follow_the_settings_and_then_rest(void)
{
    client_t c;
    expo_frame_t f;
    json_t *m;
    double begun, cpu;
    uint32_t last;

    check(greet(&c));
    check(client_watch(&c, session_a, &volume));

    /* Nobody looks: nothing is rendered. */
    check(!client_frame(&c, &f, 0.4));

    begun = client_now();
    check(client_viewers(&c, session_a, 1));
    check(client_frame(&c, &f, 5));
    printf("# first picture %.0f ms after the first viewer\n",
           (client_now() - begun) * 1000);
    check(f.sequence == 1 && f.revision == 1 && f.samples >= 1);
    check(f.flags == (EXPO_FRAME_KEY | EXPO_FRAME_CONFIGURATION));
    check(f.width == 512 && f.height == 512);
    check(f.codec == EXPO_CODEC_MPEG1TS);
    check(c.record[EXPO_FRAME_HEADER] == 0x47);

    check(client_patch(&c, session_a, 41,
                       json_pack("{s:{s:i}, s:{s:f}}", "quality",
                                 "max_samples", 12, "camera", "fov_deg",
                                 40.0)));
    m = client_wait(&c, "settings", 2);
    check(json_integer_value(json_object_get(m, "revision")) == 2);
    check(json_integer_value(json_object_get(m, "request")) == 41);
    check(json_number_value(json_object_get(
              json_object_get(json_object_get(m, "settings"), "camera"),
              "fov_deg"))
          == 40);
    json_decref(m);

    /* What was on its way, one that was being made, and then it. */
    check(frames_until(&c, 2, &f) >= 0);
    check(f.revision == 2);

    check(client_patch(&c, session_a, 42, fov(1000)));
    m = client_wait(&c, "refused", 2);
    check(strcmp(client_text(m, "code"), "bad_settings") == 0);
    check(json_integer_value(json_object_get(m, "request")) == 42);
    check(strstr(client_text(m, "detail"), "fov_deg") != NULL);
    json_decref(m);

    check(client_pick(&c, session_a, 43, 0.5, 0.5));
    m = client_wait(&c, "picked", 5);
    check(json_integer_value(json_object_get(m, "request")) == 43);
    check(json_array_size(json_object_get(m, "point_mm")) == 3);
    json_decref(m);
    check(client_pick(&c, session_a, 44, 0, 0));
    m = client_wait(&c, "picked", 5);
    check(json_integer_value(json_object_get(m, "request")) == 44);
    check(json_object_get(m, "point_mm") == NULL);
    json_decref(m);
    check(client_pick(&c, session_a, 45, 0.5, 1.5));
    check(client_hears(&c, "failed", "code", "bad_message", 2));

    check(frame_converged(&c, &f));
    check(f.flags & EXPO_FRAME_KEY);
    check(f.samples >= 12 && f.revision == 2);
    last = f.sequence;

    /* Converged: quiet on the line and on the processor. */
    cpu = worker_cpu();
    check(!client_frame(&c, &f, 1.0));
    check(worker_cpu() - cpu < 0.1);

    check(client_about(&c, "keyframe", session_a));
    check(client_frame(&c, &f, 10));
    check(f.flags == (EXPO_FRAME_KEY | EXPO_FRAME_CONVERGED));
    check(f.sequence == last + 1);

    m = client_wait(&c, "stats", 3);
    check(json_is_true(
        json_object_get(json_object_get(m, "stats"), "converged")));
    check(json_integer_value(
              json_object_get(json_object_get(m, "stats"), "viewers"))
          == 1);
    check(json_number_value(
              json_object_get(json_object_get(m, "stats"), "noise"))
          > 0);
    json_decref(m);
    check(c.bad == 0);

    check(client_about(&c, "close", session_a));
    check(client_hears(&c, "ended", NULL, NULL, 5));
    client_close(&c);
}

static bool
stream(client_t *c, const char *session, int width, int height)
{
    return client_say(c, json_pack("{s:s, s:s, s:{s:s, s:i, s:i, s:i, s:i}}",
                                   "type", "stream", "session", session,
                                   "stream", "codec", "mpeg1", "width", width,
                                   "height", height, "max_fps", 25,
                                   "max_bitrate", 2000000));
}

static void
a_new_size_is_a_new_configuration(void)
{
    client_t c;
    expo_frame_t f;
    json_t *m;

    check(greet(&c));
    check(client_watch(&c, session_a, &volume));
    check(client_viewers(&c, session_a, 1));
    check(client_frame(&c, &f, 5));

    check(stream(&c, session_a, 391, 300));
    m = client_wait(&c, "stream", 2);
    check(json_integer_value(
              json_object_get(json_object_get(m, "stream"), "width"))
          == 390);
    json_decref(m);

    do {
        check(client_frame(&c, &f, 5));
    } while (f.width == 512);

    check(f.width == 390 && f.height == 300);
    check((f.flags & (EXPO_FRAME_KEY | EXPO_FRAME_CONFIGURATION))
          == (EXPO_FRAME_KEY | EXPO_FRAME_CONFIGURATION));
    check(client_frame(&c, &f, 5));
    check(!(f.flags & EXPO_FRAME_CONFIGURATION));

    check(client_about(&c, "close", session_a));
    check(client_hears(&c, "ended", NULL, NULL, 5));
    client_close(&c);
}

/* As a canvas on a fine screen asks for it. */
static void
odd_sizes_lose_their_last_row_and_column(void)
{
    client_t c;
    expo_frame_t f;
    json_t *m;

    check(greet(&c));
    check(client_watch(&c, session_a, &volume));
    check(stream(&c, session_a, 333, 517));
    m = client_wait(&c, "stream", 2);
    check(json_integer_value(
              json_object_get(json_object_get(m, "stream"), "width"))
          == 332);
    check(json_integer_value(
              json_object_get(json_object_get(m, "stream"), "height"))
          == 516);
    json_decref(m);

    check(client_patch(&c, session_a, 1,
                       json_pack("{s:{s:i}}", "quality", "max_samples", 4)));
    check(client_viewers(&c, session_a, 1));
    check(frame_converged(&c, &f));
    check(f.width == 332 && f.height == 516);

    /* The same wish, from one more viewer: the film stays as it is. */
    check(stream(&c, session_a, 333, 517));
    check(client_hears(&c, "stream", NULL, NULL, 2));
    check(!client_frame(&c, &f, 0.5));

    check(c.bad == 0);
    check(client_about(&c, "close", session_a));
    check(client_hears(&c, "ended", NULL, NULL, 5));
    client_close(&c);
}

static void
a_second_nginx_worker_sees_the_same_and_may_take_over(void)
{
    client_t first, second;
    expo_frame_t f;
    json_t *m;

    check(greet(&first) && greet(&second));
    check(client_watch(&first, session_a, &volume));
    check(client_about(&second, "join", session_a));
    m = client_wait(&second, "joined", 5);
    check(m != NULL && client_map(&second, m));
    check(json_integer_value(json_object_get(m, "revision")) == 1);
    check(json_array_size(json_object_get(json_object_get(m, "histogram"),
                                          "counts"))
          == 256);
    json_decref(m);

    check(client_viewers(&second, session_a, 2));
    check(client_frame(&first, &f, 5) && client_frame(&second, &f, 5));

    /* One's patch is the other's news. */
    check(client_patch(&second, session_a, 7, fov(50)));
    m = client_wait(&first, "settings", 2);
    check(json_integer_value(json_object_get(m, "request")) == 7);
    json_decref(m);

    /* The opener dies; the session goes on and is adopted. */
    client_close(&first);
    check(client_frame(&second, &f, 5));
    check(client_say(&second,
                     json_pack("{s:s, s:s, s:s, s:s}", "type", "open",
                               "session", session_a, "scan", session_b,
                               "header", volume.header)));
    check(client_hears(&second, "opened", "session", session_a, 2));
    usleep(1500000);
    check(client_viewers(&second, session_a, 3));
    check(client_patch(&second, session_a, 8, fov(51)));
    check(frames_until(&second, 3, &f) >= 0);
    check(second.bad == 0);

    /* Nobody adopts it: it ends after its grace of one second. */
    check(greet(&first));
    client_close(&second);
    check(client_hears(&first, "ended", "reason", "closed", 4));
    check(first.bad == 0);
    client_close(&first);
}

/* Not even one that was begun before is shown after it; what had been told of
 * may still be on its way. */
static void
an_edit_of_the_transfer_function_shows_in_the_next_frame(void)
{
    uint32_t revision = 1;
    expo_frame_t f;
    client_t c;
    int i, others;
    json_t *m;

    check(greet(&c));
    check(client_watch(&c, session_a, &volume));
    check(client_patch(&c, session_a, 1,
                       json_pack("{s:{s:i}}", "quality", "max_samples",
                                 65536)));
    check(client_viewers(&c, session_a, 1));

    for (i = 0; i < 5; i++) {
        /* Some pictures into refining, in the middle of a pass. */
        usleep(400000);
        check(client_patch(&c, session_a, 2 + i,
                           json_pack("{s:{s:f}}", "transfer", "density_scale",
                                     0.5 + 0.1 * i)));

        do {
            m = client_wait(&c, "settings", 5);
            revision = (uint32_t) json_integer_value(
                json_object_get(m, "revision"));
            json_decref(m);
        } while (revision < 3u + (uint32_t) i);

        others = frames_until(&c, revision, &f);
        check(others == 0 || others == 1);
        check(f.revision == revision);
    }

    check(client_about(&c, "close", session_a));
    check(client_hears(&c, "ended", NULL, NULL, 5));
    client_close(&c);
}

/* Watched, nobody's frames are held up by a session that refines. */
static void
two_sessions_share_the_device(void)
{
    client_t c, d;
    expo_frame_t f;
    int i, moving = 0, still = 0;
    double begun, at_least, at_most;

    check(greet(&c) && greet(&d));
    check(client_watch(&c, session_a, &volume));
    check(client_watch(&d, session_b, &volume));
    check(client_patch(&c, session_a, 1,
                       json_pack("{s:{s:i}}", "quality", "max_samples",
                                 65536)));
    check(client_viewers(&c, session_a, 1));
    check(client_viewers(&d, session_b, 1));
    check(client_frame(&c, &f, 5) && client_frame(&d, &f, 5));
    usleep(300000);

    while (client_frame(&c, &f, 0.01)) {
        continue;
    }

    begun = client_now();
    at_least = begun + 2;
    at_most = begun + 20; /* where others want the cores too */

    for (i = 0; client_now() < at_least
                || (still == 0 && client_now() < at_most);
         i++) {
        check_failed_ += !client_patch(&d, session_b, i, fov(30 + i % 20));
        moving += client_frame(&d, &f, 0.02);
        still += client_frame(&c, &f, 0.001);
    }

    printf("# in %.1f s: %d pictures of the one that moves, %d of the other\n",
           client_now() - begun, moving, still);
    check(moving > still);
    check(still >= 1);

    check(client_about(&c, "close", session_a));
    check(client_about(&d, "close", session_b));
    check(client_hears(&d, "ended", NULL, NULL, 5));
    client_close(&c);
    client_close(&d);
}

/* It joined, has viewers and asks for much, but reads nothing. */
static void
who_does_not_read_slows_nobody(void)
{
    client_t c, deaf;
    expo_frame_t f;
    json_t *big;
    int i, alone = 0, beside = 0;
    char junk[16];
    ssize_t n;
    double until;

    check(greet(&c) && greet(&deaf));
    check(client_watch(&c, session_a, &volume));
    check(client_viewers(&c, session_a, 1));
    check(client_frame(&c, &f, 5));

    for (until = client_now() + 1.5, i = 0; client_now() < until; i++) {
        check_failed_ += !client_patch(&c, session_a, i, fov(30 + i % 20));
        alone += client_frame(&c, &f, 0.02);
    }

    check(client_about(&deaf, "join", session_a));
    check(client_viewers(&deaf, session_a, 1));

    for (until = client_now() + 1.5, i = 0; client_now() < until; i++) {
        check_failed_ += !client_patch(&c, session_a, i, fov(30 + i % 20));
        client_about(&deaf, "join", session_a);
        beside += client_frame(&c, &f, 0.02);
    }

    printf("# %d pictures in 1.5 s, %d beside one who does not read\n", alone,
           beside);
    check(beside * 3 >= alone * 2);

    /* What waits for it is bounded: then it is cut off, and only it. */
    big = json_pack("{s:s, s:s}", "type", "join", "session", session_a);

    for (i = 0; i < 20000; i++) {
        if (!client_say(&deaf, json_incref(big))) {
            usleep(100);
        }
    }

    json_decref(big);
    check(client_about(&c, "keyframe", session_a));
    check(client_frame(&c, &f, 5));

    /* Its end, behind all that it never read; descriptors vanish unread. */
    for (n = 1, until = client_now() + 5; n > 0 && client_now() < until;) {
        n = recv(deaf.sock, junk, sizeof(junk), 0);
    }

    check(n == 0);
    check(c.bad == 0);

    client_close(&deaf);
    check(client_about(&c, "close", session_a));
    check(client_hears(&c, "ended", NULL, NULL, 5));
    client_close(&c);
}

static void
nonsense_kills_nothing(void)
{
    client_t c;
    uint8_t junk[3000];
    size_t i;
    int fds[EXPO_CONTROL_FDS];

    check(greet(&c));

    for (i = 0; i < sizeof(junk); i++) {
        junk[i] = (uint8_t) (i * 7919);
    }

    for (i = 0; i < EXPO_CONTROL_FDS; i++) {
        fds[i] = volume.fd;
    }

    check(send(c.sock, junk, sizeof(junk), 0) > 0);
    check(send(c.sock, "{}", 2, 0) > 0);
    check(send(c.sock, "{\"type\":\"\"}", 11, 0) > 0);
    check(client_hears(&c, "failed", "code", "bad_message", 2));
    check(client_say(&c, json_pack("{s:s, s:s}", "type", "open", "session",
                                   "../../x")));
    check(client_hears(&c, "failed", "code", "bad_message", 2));
    check(client_say(&c, json_pack("{s:s, s:s, s:s}", "type", "opened",
                                   "session", session_a, "x", "y")));
    check(client_hears(&c, "failed", "code", "bad_message", 2));
    check(client_send(&c, json_pack("{s:s}", "type", "ping"), fds,
                      EXPO_CONTROL_FDS, junk, 128));
    check(client_hears(&c, "status", NULL, NULL, 2));
    check(client_patch(&c, session_a, 3, json_object()));
    check(client_hears(&c, "refused", "code", "not_found", 2));

    /* Half a greeting, a full queue, gone. */
    for (i = 0; i < 3000; i++) {
        if (send(c.sock, "{\"type\":\"ping\"}", 15, MSG_DONTWAIT) < 0) {
            usleep(100);
        }
    }

    client_close(&c);
    check(greet(&c));
    check(client_hears(&c, "hello", NULL, NULL, 2));
    client_close(&c);
    check(waitpid(worker.pid, NULL, WNOHANG) == 0);
}

/* Open descriptors of the worker, once they are as few as that. */
static int
descriptors(int wanted)
{
    char command[64], line[64];
    int n = 0, tries;
    FILE *f;

    snprintf(command, sizeof(command), "ls /proc/%d/fd | wc -l",
             (int) worker.pid);

    for (tries = 0; tries < 250 && n != wanted; tries++) {
        usleep(20000);
        f = popen(command, "r");
        n = f && fgets(line, sizeof(line), f) ? atoi(line) : -1;
        pclose(f);
    }

    return n;
}

/* 96^3 voxels are 1.7 MB; 48^3 fit into the one that there is. */
static void
what_does_not_fit_is_scaled_down_and_says_so(void)
{
    client_worker_t small;
    client_blob_t large;
    expo_frame_t f;
    uint8_t *plain;
    json_t *m, *v;
    size_t bytes;
    client_t c;

    plain = client_phantom(96, &bytes);
    client_seal(&large, &volume.scan, EXPO_BLOB_VOLUME, plain, bytes);
    free(plain);

    check(client_start_with(&small, "1", "1", NULL, "1"));
    check(client_greet(&c, &small));
    check(client_open(&c, session_a, &large));
    check(client_hears(&c, "opened", "session", session_a, 5));
    check(client_about(&c, "join", session_a));
    m = client_wait(&c, "joined", 5);
    v = json_object_get(m, "volume");
    check(json_integer_value(json_object_get(v, "reduced")) == 2);
    check(json_integer_value(json_array_get(json_object_get(v, "dims"), 0)) ==
          48);
    check(client_map(&c, m));
    json_decref(m);
    check(client_viewers(&c, session_a, 1));
    check(client_frame(&c, &f, 5));
    check(c.bad == 0);
    client_close(&c);
    check(client_stop(&small) == 0);
    close(large.fd);
}

/* A ball on a board. */
static void
a_scanners_table_is_hidden_until_it_is_asked_for(void)
{
    client_blob_t lying;
    expo_volume_t v;
    expo_frame_t f;
    uint8_t *plain;
    uint16_t *voxel;
    json_t *m, *clip;
    size_t bytes, x, z;
    client_t c;

    plain = client_phantom(96, &bytes);
    expo_volume_read(&v, plain, bytes);
    v.affine[0] = v.affine[5] = v.affine[10] = 2;
    expo_volume_write(plain, &v);
    voxel = (uint16_t *) (void *) (plain + EXPO_VOLUME_HEADER);

    for (z = 0; z < 96; z++) {
        for (x = 4; x < 92; x++) {
            voxel[(z * 96 + 91) * 96 + x] = 1500;
        }
    }

    client_seal(&lying, &volume.scan, EXPO_BLOB_VOLUME, plain, bytes);
    free(plain);

    check(greet(&c));
    check(client_open(&c, session_a, &lying));
    check(client_hears(&c, "opened", "session", session_a, 5));
    check(client_about(&c, "join", session_a));
    m = client_wait(&c, "joined", 5);
    clip = json_object_get(json_object_get(m, "settings"), "clip");
    check(strcmp(client_text(clip, "table"), "hide") == 0);
    check(json_is_true(
        json_object_get(json_object_get(m, "volume"), "table")));
    check(client_map(&c, m));
    json_decref(m);

    check(client_patch(&c, session_a, 1,
                       json_pack("{s:{s:i}}", "quality", "max_samples", 4)));
    check(client_viewers(&c, session_a, 1));
    check(frame_converged(&c, &f));
    check(client_patch(&c, session_a, 2,
                       json_pack("{s:{s:s}}", "clip", "table", "show")));
    check(frame_converged(&c, &f));

    check(c.bad == 0);
    check(client_about(&c, "close", session_a));
    check(client_hears(&c, "ended", NULL, NULL, 5));
    client_close(&c);
    close(lying.fd);
}

static void
it_ends_in_order(void)
{
    client_t c;
    int status;

    check(greet(&c));
    check(client_watch(&c, session_a, &volume));
    check(client_viewers(&c, session_a, 1));
    status = client_stop(&worker);
    check(client_hears(&c, "ended", "reason", "restart", 1));
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    check(access(worker.socket, F_OK) < 0);
    client_close(&c);
}

int
main(void)
{
    expo_id_t id;
    uint8_t *plain;
    size_t bytes;
    int before;

    setvbuf(stdout, NULL, _IOLBF, 0);
    client_id(&id, session_a, 1);
    client_id(&id, session_b, 2);
    client_id(&id, session_c, 3);
    memset(&id, 9, sizeof(id));
    plain = client_phantom(EDGE, &bytes);
    client_seal(&volume, &id, EXPO_BLOB_VOLUME, plain, bytes);
    free(plain);

    check(client_start(&worker, "2", "1", NULL));
    before = descriptors(-1);
    check(before > 4);

    hello_is_answered_with_hello_and_status();
    an_open_that_cannot_work_says_why();
    slots_are_all_there_is();
    pictures_follow_the_settings_and_then_rest();
    a_new_size_is_a_new_configuration();
    odd_sizes_lose_their_last_row_and_column();
    a_second_nginx_worker_sees_the_same_and_may_take_over();
    an_edit_of_the_transfer_function_shows_in_the_next_frame();
    two_sessions_share_the_device();
    who_does_not_read_slows_nobody();
    nonsense_kills_nothing();
    /* Sessions, rings and peers are gone, and so are their descriptors. */
    check(descriptors(before) == before);
    what_does_not_fit_is_scaled_down_and_says_so();
    a_scanners_table_is_hidden_until_it_is_asked_for();
    it_ends_in_order();

    return done();
}
