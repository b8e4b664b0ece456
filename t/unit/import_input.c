/* Files that are mapped, and what becomes of those that change under it. */

#include "render-worker/import/input.c"

#include "t/unit/import.h"

static char path[SLICES][64];

static void
write_slices(void)
{
    picture_start();

    for (size_t k = 0; k < SLICES; k++) {
        size_t n;
        uint8_t *bytes = picture_bytes(k, &n);
        FILE *f;

        snprintf(path[k], sizeof path[k], "%s/%zu", folder, k);
        f = fopen(path[k], "wb");
        check(f != NULL && fwrite(bytes, 1, n, f) == n);
        fclose(f);
        free(bytes);
    }
}

/* A disc's scratch cannot be had here: a file that shrinks ends as one does. */
static void
what_a_file_no_longer_has_is_zeros_and_said(void)
{
    char large[80];
    char *paths[SLICES + 3];
    import_input_t *in;
    FILE *f;

    snprintf(large, sizeof large, "%s/large", folder);
    f = fopen(large, "wb");
    for (int i = 0; i < 5000; i++) {
        fputs("word", f);
    }
    fclose(f);

    for (size_t k = 0; k < SLICES; k++) {
        paths[k] = path[k];
    }
    paths[SLICES] = "/nonexistent";
    paths[SLICES + 1] = large;
    paths[SLICES + 2] = "/proc/self/maps"; /* no bytes, and no mapping */

    check(input_map(&in, paths, SLICES + 3, 1 << 20) == SLICES + 2);
    check(in[SLICES].bytes == 20000 && in[SLICES + 1].bytes == 0);
    check(strcmp(in[SLICES].path, large) == 0);

    check(truncate(large, 5000) == 0);
    check(memcmp(in[SLICES].data, "word", 4) == 0 && !in[SLICES].lost);
    check(in[SLICES].data[19999] == 0 && in[SLICES].lost);
    check(memcmp(in[SLICES].data + 4096, "word", 4) == 0);

    check(run_inputs(in, SLICES, IMPORT_CHOOSE) == IMPORT_DONE);
    check(result.header.dims[2] == SLICES && !says("skipped_"));

    check(truncate(paths[0], 0) == 0 && truncate(paths[SLICES - 1], 0) == 0);
    check(run_inputs(in, SLICES, IMPORT_CHOOSE) == IMPORT_DONE);
    check(in[0].lost && !in[1].lost && in[SLICES - 1].lost);
    check(result.header.dims[2] == SLICES - 2);
    check(says("not_dicom"));
    free((void *) in[SLICES + 1].data); /* read, not mapped */
    free(in);
}

/* As if 60,000 had been mapped before. */
static void
what_cannot_be_mapped_is_read(void)
{
    char *paths[] = {path[1], path[2]};
    import_input_t *in;
    int fd = open(path[2], O_RDONLY);

    check(input_map(&in, paths, 2, 1 << 20) == 2);
    inputs = calloc(INPUT_MAPPINGS_MAX + 1, sizeof *inputs);
    input_count = INPUT_MAPPINGS_MAX;
    check(input_add(paths[1], fd, 1 << 20));
    check(inputs[input_count].bytes == in[1].bytes);
    check(memcmp(inputs[input_count].data, in[1].data, in[1].bytes) == 0);

    free((void *) inputs[input_count].data);
    free(inputs);
    free(in);
    close(fd);
}

static void
of_too_much_only_the_size_is_told(void)
{
    char *paths[] = {path[1], path[2], path[3]};
    import_input_t *in;

    check(input_map(&in, paths, 3, 1) == 3);
    check(in[0].data == NULL && in[0].bytes > 1 && in[2].bytes > 1);
    free(in);
}

static void
a_body_is_a_file(void)
{
    import_input_t *in;
    int fd = open(path[1], O_RDONLY), ends[2];

    check(input_body(&in, fd, 1 << 20) && in->path == NULL);
    check(memcmp(in->data + 128, "DICM", 4) == 0);
    free(in);
    close(fd);

    check(pipe(ends) == 0 && !input_body(&in, ends[0], 1 << 20));
    free(in);
    close(ends[0]);
    close(ends[1]);
}

int
main(void)
{
    if (!begin()) {
        return 1;
    }

    write_slices();
    what_a_file_no_longer_has_is_zeros_and_said();
    what_cannot_be_mapped_is_read();
    of_too_much_only_the_size_is_told();
    a_body_is_a_file();
    end();

    return done();
}
