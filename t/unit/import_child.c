/* What an import process may do wrong, each played by a small script. */

#include <stdarg.h>
#include <sys/stat.h>

#include "render-worker/blob_io.c"
#include "render-worker/import_child.c"
#include "render-worker/loop.c"
#include "render-worker/memory.c"
#include "t/lib/worker_client.h"
#include "t/unit/check.h"

static char folder[] = "/tmp/exposure-child-XXXXXX";
static char program[64], note[64];
static client_blob_t original;
static atomic_bool cancel;
static char stages[256];

static void
progress(void *owner, const char *stage, double fraction)
{
    size_t n = strlen(stages);

    (void) owner;
    snprintf(stages + n, sizeof(stages) - n, "%s %.1f;", stage, fraction);
}

/* The child is this shell script. */
static import_child_end_t
play(const char *script, uint32_t seconds, import_child_result_t *out)
{
    import_child_t in = {.program = program,
                         .original = &original.blob,
                         .fd = original.fd,
                         .cancel = &cancel,
                         .seconds = seconds,
                         .most = 1u << 20,
                         .progress = progress};
    FILE *f = fopen(program, "w");

    if (f == NULL) {
        abort();
    }

    fprintf(f, "#!/bin/sh\nNOTE=%s\n%s\n", note, script);
    fclose(f);
    chmod(program, 0700);
    stages[0] = '\0';

    return import_child_run(&in, out);
}

static void
forget(import_child_result_t *out)
{
    memory_release(&out->memory);
    json_decref(out->report);
}

static bool
noted(const char *text)
{
    char line[512] = "";
    FILE *f = fopen(note, "r");
    size_t n = f ? fread(line, 1, sizeof(line) - 1, f) : 0;

    if (f != NULL) {
        fclose(f);
    }

    line[n] = '\0';

    if (strcmp(line, text) != 0) {
        printf("# noted \"%s\"\n", line);
    }

    return strcmp(line, text) == 0;
}

static void
the_original_goes_in_and_a_volume_comes_out(void)
{
    import_child_result_t out;
    uint8_t *plain;
    size_t bytes;
    char command[400], path[96];
    FILE *f;

    plain = client_phantom(16, &bytes);
    snprintf(path, sizeof(path), "%s/volume", folder);
    f = fopen(path, "w");
    check(f != NULL && fwrite(plain, 1, bytes, f) == bytes);
    fclose(f);

    snprintf(command, sizeof(command),
             "cat | wc -c >$NOTE\n"
             "echo '{\"stage\":\"reading\",\"fraction\":0.5}' >&3\n"
             "echo '{\"stage\":\"/etc/passwd\",\"fraction\":0.5}' >&3\n"
             "echo '{\"stage\":\"decoding\",\"fraction\":7}' >&3\n"
             "cat %s\n"
             "echo '{\"report\":{\"kept\":1}}' >&3",
             path);
    check(play(command, 20, &out) == IMPORT_CHILD_OK);
    check(noted("3000000\n"));
    check(out.memory.used == bytes);
    check(memcmp(out.memory.base, plain, bytes) == 0);
    check(out.volume.dims[2] == 16);
    check(json_integer_value(json_object_get(out.report, "kept")) == 1);
    check(strcmp(stages, "reading 0.5;decoding 1.0;") == 0);

    forget(&out);
    unlink(path);
    free(plain);
}

static void
the_child_sees_nothing_of_ours(void)
{
    import_child_result_t out;
    /* Neither ours nor what a careless parent left open. */
    int closing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int staying = dup2(closing, 9), far = dup2(closing, 200);

    setenv("EXPOSURE_SECRET", "x", 1);
    check(play("for n in 0 1 2 3 4 5 6 7 8 9 200; do\n"
               "test -e /proc/$$/fd/$n && echo -n \"$n \" >>$NOTE.1\n"
               "done; mv $NOTE.1 $NOTE\n"
               "readlink /proc/$$/fd/2 >>$NOTE\n"
               "tr '\\0' '\\n' </proc/$$/environ | grep -c SECRET >>$NOTE\n"
               "echo '{\"report\":{}}' >&3; exit 2",
               20, &out)
          == IMPORT_CHILD_REFUSED);
    check(noted("0 1 2 3 /dev/null\n0\n"));

    forget(&out);
    close(closing);
    close(staying);
    close(far);
}

static void
a_refusal_brings_its_report(void)
{
    import_child_result_t out;

    check(play("echo '{\"report\":{\"failure\":{\"code\":\"nothing\"}}}' >&3\n"
               "exit 3",
               20, &out)
          == IMPORT_CHILD_REFUSED);
    check(json_object_get(out.report, "failure") != NULL);
    forget(&out);
}

static void
whatever_else_it_does_is_a_crash(void)
{
    static const char *const scripts[] = {
        "kill -SEGV $$",
        "exit 0",
        "exit 2",
        "exit 77",
        "echo '{\"report\":{}}' >&3; exit 0",
        "head -c 4000 /dev/zero; echo '{\"report\":{}}' >&3; exit 0",
        /* More than is taken. */
        "echo '{\"report\":{}}' >&3; head -c 5000000 /dev/zero",
        /* A line without end. */
        "head -c 5000000 /dev/zero | tr '\\0' x >&3; exit 0",
        "echo 'x{\"report\":{}}' >&3; exit 3"};
    import_child_result_t out;
    size_t i;

    for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        printf("# %s\n", scripts[i]);
        check(play(scripts[i], 20, &out) == IMPORT_CHILD_CRASHED);
        forget(&out);
    }
}

static void
how_it_died_is_told(void)
{
    static const struct {
        const char *script;
        import_child_end_t end;
    } deaths[] = {{"kill -SYS $$", IMPORT_CHILD_CRASHED},
                  {"kill -ABRT $$", IMPORT_CHILD_CRASHED},
                  {"kill -KILL $$", IMPORT_CHILD_KILLED},
                  {"kill -XCPU $$", IMPORT_CHILD_SLOW},
                  {"kill -ALRM $$", IMPORT_CHILD_SLOW},
                  /* A report before it does not make it well. */
                  {"echo '{\"report\":{}}' >&3; kill -KILL $$",
                   IMPORT_CHILD_KILLED}};
    import_child_result_t out;
    size_t i;

    for (i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
        printf("# %s\n", deaths[i].script);
        check(play(deaths[i].script, 20, &out) == deaths[i].end);
        forget(&out);
    }
}

static void
cancel_it(int number)
{
    (void) number;
    atomic_store(&cancel, true);
}

static void
it_is_killed_when_its_time_is_over(void)
{
    import_child_result_t out;
    double begun = client_now();

    check(play("sleep 60", 1, &out) == IMPORT_CHILD_SLOW);
    forget(&out);

    /* Outputs closed, and still there. */
    check(play("echo '{\"report\":{}}' >&3; exec 0<&- 1>&- 3>&-; sleep 60", 1,
               &out)
          == IMPORT_CHILD_SLOW);
    forget(&out);
    check(client_now() - begun < 4);

    begun = client_now();
    atomic_store(&cancel, true);
    check(play("sleep 60", 50, &out) == IMPORT_CHILD_CANCELLED);
    atomic_store(&cancel, false);
    check(client_now() - begun < 2);
    forget(&out);

    /* Cancelled when nothing more is to be read of it. */
    begun = client_now();
    signal(SIGALRM, cancel_it);
    alarm(1);
    check(play("echo '{\"report\":{}}' >&3; exec 0<&- 1>&- 3>&-; sleep 60", 50,
               &out)
          == IMPORT_CHILD_CANCELLED);
    atomic_store(&cancel, false);
    check(client_now() - begun < 3);
    forget(&out);
}

static void
a_damaged_original_is_noticed(void)
{
    import_child_result_t out;
    uint8_t byte;

    check(pread(original.fd, &byte, 1, 2500000) == 1);
    byte ^= 4;
    check(pwrite(original.fd, &byte, 1, 2500000) == 1);
    check(play("cat >/dev/null; echo '{\"report\":{}}' >&3", 20, &out)
          == IMPORT_CHILD_DAMAGED);
    forget(&out);
    byte ^= 4;
    check(pwrite(original.fd, &byte, 1, 2500000) == 1);

    /* Cut at the border of a chunk. */
    check(ftruncate(original.fd, EXPO_BLOB_HEADER + 2 * ((1 << 20) + 16))
          == 0);
    check(play("cat >/dev/null; echo '{\"report\":{}}' >&3", 20, &out)
          == IMPORT_CHILD_DAMAGED);
    forget(&out);
}

static void
a_program_that_is_not_there_is_a_crash(void)
{
    import_child_result_t out;
    import_child_t in = {.program = "/nowhere/exposure-import",
                         .original = &original.blob,
                         .fd = original.fd,
                         .cancel = &cancel,
                         .seconds = 5,
                         .most = 1u << 20,
                         .progress = progress};

    check(import_child_run(&in, &out) == IMPORT_CHILD_CRASHED);
    forget(&out);
}

int
main(void)
{
    static uint8_t plain[3000000];
    expo_id_t scan;

    if (mkdtemp(folder) == NULL) {
        return 1;
    }

    snprintf(program, sizeof(program), "%s/child", folder);
    snprintf(note, sizeof(note), "%s/note", folder);
    signal(SIGPIPE, SIG_IGN);
    memset(&scan, 5, sizeof(scan));
    client_seal(&original, &scan, EXPO_BLOB_ORIGINAL, plain, sizeof(plain));

    the_original_goes_in_and_a_volume_comes_out();
    the_child_sees_nothing_of_ours();
    a_refusal_brings_its_report();
    whatever_else_it_does_is_a_crash();
    how_it_died_is_told();
    it_is_killed_when_its_time_is_over();
    a_program_that_is_not_there_is_a_crash();
    a_damaged_original_is_noticed();

    unlink(program);
    unlink(note);
    rmdir(folder);

    return done();
}
