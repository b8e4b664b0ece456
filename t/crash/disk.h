/*
 * A disk that may lose its power: what a program did to the files of one
 * folder, step by step, and what could be found there after each step.
 *
 * A file is what has a name or a descriptor; its bytes are safe once it was
 * synced, a name once its folder was.
 */

#ifndef CRASH_DISK_H
#define CRASH_DISK_H

#include <stddef.h>
#include <stdint.h>

#define DISK_FOLDERS 2 /* the root and what lies in it */
#define DISK_NAME 48

typedef enum {
    DISK_WRITE,    /* file, at, bytes */
    DISK_TRUNCATE, /* file, at */
    DISK_SYNC,     /* file */
    DISK_NAME_SET, /* folder, name, file; file -1: the name goes */
    DISK_FOLDER_SYNC
} disk_step_kind_t;

typedef struct {
    disk_step_kind_t kind;
    int operation; /* of disk_operation */
    int file, folder;
    uint64_t at;
    uint8_t *bytes;
    size_t len;
    char name[DISK_NAME];
} disk_step_t;

/* What has happened so far. */
extern disk_step_t *disk_steps;
extern size_t disk_step_count;

/*
 * From here on what this process does below root is written down; folders are
 * its folders' names ("" is root). NULL ends it.
 */
void disk_record(const char *root, const char *const folders[DISK_FOLDERS]);
/* Steps that come now belong to this operation. */
void disk_operation(int number);
void disk_forget(void);

typedef enum {
    DISK_ALL,    /* whatever was asked for is there */
    DISK_SYNCED, /* nothing but what was synced is */
    DISK_SOME    /* and any part of the rest */
} disk_model_t;

/* A sync that never happened: steps for which it says yes. */
typedef int (*disk_without_t)(const disk_step_t *step);

/* The disk before the first step; disk_play does one step. */
typedef struct disk_s disk_t;
disk_t *disk_new(disk_without_t without);
void disk_play(disk_t *d, const disk_step_t *step);
void disk_free(disk_t *d);
/* Makes `root` hold what the power's loss leaves. seed: of DISK_SOME. */
void disk_image(const disk_t *d, disk_model_t model, uint32_t seed,
                const char *root, const char *const folders[DISK_FOLDERS]);

#endif
