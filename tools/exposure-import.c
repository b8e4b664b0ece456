/* exposure-import: DICOM files to a volume, as the service does it. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "lib/nrrd.h"
#include "render-worker/import/child.h"
#include "render-worker/import/import.h"

enum { IMPORT_USAGE = 64, IMPORT_CHUNK = 1 << 16 };

static const char usage[] =
    "usage: exposure-import PATH... [--out volume.nrrd] "
    "[--report report.json] [--all-series]\n"
    "Folders are searched for DICOM files; one archive (zip, tar, tar.gz) is\n"
    "opened. Without --report the report goes "
    "to the output;\n"
    "with --out - our own volume does, for a program that reads it.\n"
    "exit: 0 imported, 2 nothing usable, 3 malformed\n";

typedef struct {
    const char *out, *report;
    int all_series, pipe;
    size_t series;
} options_t;

/* A volume that becomes a file, or our own form on the output. */
typedef struct {
    const char *path;
    char tmp[4096];
    FILE *file;
    expo_volume_t volume;
    expo_nrrd_type_t type;
    int begun;  /* its header has come */
    int failed; /* errno of a write that did */
} save_t;

static char **import_paths;
static size_t import_path_count;

static int import_options(options_t *o, int argc, char **argv);
static int import_add(const char *path, const struct stat *st, int type,
                      struct FTW *where);
static int import_compare(const void *a, const void *b);
static void import_others(const options_t *o, json_t *report);
static void import_name(char *dst, size_t cap, const char *out, size_t series);
static import_result_t import_save(const char *path, size_t series,
                                   json_t **report);
static int save_open(save_t *s, const char *path);
static int save_take(void *data, const uint8_t *bytes, size_t n);
static int save_header(save_t *s, const uint8_t *bytes);
static int save_voxels(save_t *s, const uint8_t *bytes, size_t n);
static int save_close(save_t *s, int keep);
static int import_is_output(const char *path);
static int import_tell(const char *path, const json_t *report);


int
main(int argc, char **argv)
{
    options_t o = {.series = IMPORT_CHOOSE};
    import_result_t result;
    json_t *report;

    if (!import_options(&o, argc, argv)) {
        fputs(usage, stderr);
        return IMPORT_USAGE;
    }

    if (o.pipe) {
        /* What runs at a normal exit may need calls that are gone by then. */
        _exit(import_pipe(o.series));
    }

    qsort(import_paths, import_path_count, sizeof *import_paths,
          import_compare);
    result = import_save(o.out, o.series, &report);

    if (result == IMPORT_DONE && o.all_series) {
        import_others(&o, report);
    }

    if (!(import_is_output(o.out) && o.report == NULL) &&
        !import_tell(o.report, report)) {
        fprintf(stderr, "exposure-import: cannot write the report: %s\n",
                strerror(errno));
        return IMPORT_MALFORMED;
    }

    if (json_object_get(report, "failure") != NULL) {
        fprintf(stderr, "exposure-import: %s\n",
                json_string_value(json_object_get(
                    json_object_get(report, "failure"), "detail")));
    }

    json_decref(report);
    return result;
}


static int
import_options(options_t *o, int argc, char **argv)
{
    int paths = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--pipe") == 0) {
            o->pipe = 1;

        } else if (strcmp(argv[i], "--index") == 0) {
            o->series = IMPORT_INDEX;

        } else if (strcmp(argv[i], "--all-series") == 0) {
            o->all_series = 1;

        } else if (strcmp(argv[i], "--out") == 0 && i + 1 < argc) {
            o->out = argv[++i];

        } else if (strcmp(argv[i], "--report") == 0 && i + 1 < argc) {
            o->report = argv[++i];

        } else if (strncmp(argv[i], "--", 2) == 0) {
            return 0;

        } else {
            paths++;
            if (nftw(argv[i], import_add, 32, 0) != 0) {
                fprintf(stderr, "exposure-import: %s: %s\n", argv[i],
                        strerror(errno));
                return 0;
            }
        }
    }

    return o->pipe ? paths == 0 : paths > 0;
}


static int
import_add(const char *path, const struct stat *st, int type, struct FTW *where)
{
    char **grown;

    (void) where;

    if (type != FTW_F || !S_ISREG(st->st_mode)) {
        return 0;
    }

    grown = reallocarray(import_paths, import_path_count + 1, sizeof *grown);
    if (grown == NULL) {
        return -1;
    }

    import_paths = grown;
    import_paths[import_path_count] = strdup(path);
    return import_paths[import_path_count++] == NULL ? -1 : 0;
}


static int
import_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}


/* Every other series that could have been chosen, one process each. */
static void
import_others(const options_t *o, json_t *report)
{
    json_t *series = json_object_get(report, "series"), *entry, *other;
    const char *reason;
    char path[4096];
    size_t i;

    json_array_foreach(series, i, entry)
    {
        reason = json_string_value(json_object_get(entry, "reason"));
        if (reason == NULL || (strcmp(reason, "fewer_slices") != 0 &&
                               strcmp(reason, "other_time") != 0)) {
            continue;
        }

        import_name(path, sizeof path, o->out ? o->out : "", i);

        if (import_save(o->out ? path : NULL, i, &other) == IMPORT_DONE) {
            json_array_set(series, i,
                           json_array_get(json_object_get(other, "series"), i));
        }

        json_decref(other);
    }
}


/* volume.nrrd and 2 make volume-2.nrrd. */
static void
import_name(char *dst, size_t cap, const char *out, size_t series)
{
    const char *dot = strrchr(out, '.');
    int stem = dot != NULL && strchr(dot, '/') == NULL ? (int) (dot - out)
                                                       : (int) strlen(out);

    snprintf(dst, cap, "%.*s-%zu%s", stem, out, series, out + stem);
}


/* --- the volume --- */

/* path NULL: only the report. Says on stderr why a volume was not written. */
static import_result_t
import_save(const char *path, size_t series, json_t **report)
{
    save_t s;
    import_result_t result;

    if (path == NULL) {
        return import_child(import_paths, import_path_count, series, NULL, NULL,
                            report);
    }

    if (!save_open(&s, path)) {
        fprintf(stderr, "exposure-import: cannot write %s: %s\n", path,
                strerror(errno));
        exit(IMPORT_MALFORMED);
    }

    result = import_child(import_paths, import_path_count, series, save_take,
                          &s, report);

    if (!save_close(&s, result == IMPORT_DONE) || s.failed) {
        errno = s.failed ? s.failed : errno;
        fprintf(stderr, "exposure-import: cannot write %s: %s\n", path,
                strerror(errno));
        exit(IMPORT_MALFORMED);
    }

    return result;
}


static int
save_open(save_t *s, const char *path)
{
    struct stat st;

    memset(s, 0, sizeof *s);
    s->path = path;
    s->file = stdout;

    if (import_is_output(path)) {
        return 1;
    }

    /* What is whole takes the place of what has its name: of no device. */
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        return 0;
    }

    snprintf(s->tmp, sizeof s->tmp, "%s.%d.tmp", path, (int) getpid());
    s->file = fopen(s->tmp, "wbxe");

    return s->file != NULL;
}


static int
save_take(void *data, const uint8_t *bytes, size_t n)
{
    save_t *s = data;
    int ok;

    if (s->file == stdout) {
        ok = fwrite(bytes, 1, n, stdout) == n;
    } else if (s->begun) {
        ok = save_voxels(s, bytes, n / 2);
    } else {
        ok = save_header(s, bytes);
    }

    s->begun = 1;
    s->failed = ok ? 0 : errno;
    return ok;
}


static int
save_voxels(save_t *s, const uint8_t *bytes, size_t n)
{
    static uint8_t values[IMPORT_CHUNK * 4];
    size_t count;

    for (; n > 0; n -= count, bytes += 2 * count) {
        count = n < IMPORT_CHUNK ? n : IMPORT_CHUNK;
        expo_nrrd_values(values, bytes, count, &s->volume, s->type);

        if (fwrite(values, expo_nrrd_bytes(s->type), count, s->file) != count) {
            return 0;
        }
    }

    return 1;
}


static int
save_header(save_t *s, const uint8_t *bytes)
{
    char header[EXPO_NRRD_HEADER_MAX];
    size_t n;

    if (expo_volume_read(&s->volume, bytes, EXPO_VOLUME_UNTOLD) != EXPO_OK) {
        return 0;
    }

    s->type = expo_nrrd_type(&s->volume);

    return expo_nrrd_header(header, sizeof header, &n, &s->volume, s->type,
                            0) == EXPO_OK &&
           fwrite(header, 1, n, s->file) == n;
}


/* keep 0: as if it had never been. */
static int
save_close(save_t *s, int keep)
{
    int ok;

    if (s->file == stdout) {
        return fflush(stdout) == 0;
    }

    ok = fclose(s->file) == 0;

    if (keep && ok && rename(s->tmp, s->path) == 0) {
        return 1;
    }

    unlink(s->tmp);
    return !keep;
}


static int
import_is_output(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}


static int
import_tell(const char *path, const json_t *report)
{
    FILE *f = path != NULL ? fopen(path, "we") : stdout;
    int ok;

    if (f == NULL) {
        return 0;
    }

    ok = json_dumpf(report, f, JSON_INDENT(2)) == 0 && fputc('\n', f) != EOF;

    return f == stdout ? fflush(f) == 0 && ok : fclose(f) == 0 && ok;
}
