#include "lib/table.c"
#include "lib/table_part.c"
#include "lib/table_shape.c"
#include "t/unit/check.h"

/* --- a person on a table: 400 x 400 mm, 200 mm along it --- */

enum { EDGE = 200, SLICES = 50, VOXELS = EDGE * EDGE * SLICES };

#define MM 2.0
#define ALONG 4.0

typedef enum { AIR, BODY, BOARD } what_t;

static uint16_t voxels[VOXELS], before[VOXELS], without[VOXELS];
static uint8_t what[VOXELS];
static expo_volume_t volume;
static expo_table_t table;
static uint32_t noise;

static void
start(void)
{
    size_t i;

    volume = (expo_volume_t){.dims = {EDGE, EDGE, SLICES},
                             .affine = {MM, 0, 0, 0, 0, MM, 0, 0, 0, 0, ALONG},
                             .scale = 1,
                             .offset = -1024,
                             .voxel_max = 4000,
                             .unit = "HU",
                             .modality = "CT"};
    noise = 1;

    for (i = 0; i < VOXELS; i++) {
        noise = noise * 1664525 + 1013904223;
        voxels[i] = (uint16_t) (14 + (noise >> 27));
        what[i] = AIR;
    }
}

/* Whatever lies where inside says so, in mm from the middle of a slice; y is
 * down, z from 0 along the table. */
static void
put(int (*inside)(double x, double y, double z), what_t w, double hu)
{
    size_t x, y, z, i = 0;

    for (z = 0; z < SLICES; z++) {
        for (y = 0; y < EDGE; y++) {
            for (x = 0; x < EDGE; x++, i++) {
                if (inside(MM * ((double) x - EDGE / 2.0 + 0.5),
                           MM * ((double) y - EDGE / 2.0 + 0.5),
                           ALONG * (double) z)) {
                    voxels[i] = (uint16_t) (1024 + hu);
                    what[i] = (uint8_t) w;
                }
            }
        }
    }
}

/* 300 mm wide, thicker at one end. */
static int
trunk(double x, double y, double z)
{
    double a = x / 150, b = (y - 10) / (90 + z / 20);

    return a * a + b * b < 1;
}

static int
lungs(double x, double y, double z)
{
    double a = (fabs(x) - 70) / 45, b = (y - 5) / 60, c = (z - 120) / 70;

    return a * a + b * b + c * c < 1;
}

static int
arms(double x, double y, double z)
{
    double a = (fabs(x) - 172) / 18, b = (y - 60) / 18;

    return z < 150 && a * a + b * b < 1;
}

/* 12 mm thick, and on the table's edge. */
static int
fingers(double x, double y, double z)
{
    double a = (x - 140) / 6, b = (y - 86) / 6;

    return z < 70 && a * a + b * b < 1;
}

static int
ears(double x, double y, double z)
{
    return z > 90 && z < 150 && fabs(y - 10) < 25 && fabs(x) > 145 &&
           fabs(x) < 160 && fabs(fabs(x) - 140 - (y - 10) / 4) < 6;
}

/* Two thin shells with foam between, bent upwards at the edges. */
static double
board_y(double x)
{
    return 116 - x * x / 900;
}

static int
board(double x, double y, double z)
{
    double d = y - board_y(x);

    (void) z;
    return fabs(x) < 190 && (fabs(d - 2) < 2.1 || fabs(d - 24) < 2.1);
}

static int
rails(double x, double y, double z)
{
    (void) z;
    return fabs(fabs(x) - 120) < 4 && y > 150 && y < 180;
}

/* The board pressed into the back, where that is thicker or all along it. */
static double pressed;

static int
board_touching(double x, double y, double z)
{
    return board(x, y + pressed, z);
}

static int
body_above_board(double x, double y, double z)
{
    return trunk(x, y, z) && y < board_y(x) - pressed;
}

static int
head(double x, double y, double z)
{
    double a = x / 75, b = y / 95, c = (z - 60) / 130;

    return a * a + b * b + c * c < 1;
}

/* A shell around the back of the head, its ends drawn in. */
static int
holder(double x, double y, double z)
{
    double r = sqrt(x * x + y * y);

    return fabs(r - 110) < 2.5 && y > -20 + z / 4;
}

static int
turned_board(double x, double y, double z)
{
    double c = cos(0.2), s = sin(0.2);

    return board(c * x + s * y, c * y - s * x, z);
}

static int
short_board(double x, double y, double z)
{
    return z < 60 && board(x, y, z);
}

static int
cable(double x, double y, double z)
{
    double a = x - 60 - z / 4, b = y + 95;

    return a * a + b * b < 9;
}

/* Turns every slice by a quarter; mirrors it; or the slices' order. */
static void
turn(int quarter, int upside_down, int feet_first)
{
    static uint16_t v[VOXELS];
    static uint8_t w[VOXELS];
    size_t x, y, z, i = 0, from;

    memcpy(v, voxels, sizeof(v));
    memcpy(w, what, sizeof(w));

    for (z = 0; z < SLICES; z++) {
        for (y = 0; y < EDGE; y++) {
            for (x = 0; x < EDGE; x++, i++) {
                size_t a = quarter ? y : x, b = quarter ? x : y;

                b = upside_down ? EDGE - 1 - b : b;
                from = feet_first ? SLICES - 1 - z : z;
                from = (from * EDGE + b) * EDGE + a;
                voxels[i] = v[from];
                what[i] = w[from];
            }
        }
    }
}

/* --- what became of it --- */

static double hidden_of_board;
static size_t hidden_of_body;

static expo_status_t
found(void)
{
    size_t i, boards = 0, gone = 0;
    expo_status_t st;

    expo_table_close(&table);
    memcpy(before, voxels, sizeof(voxels));
    st = expo_table_find(&table, &volume, voxels);
    hidden_of_body = 0;

    if (memcmp(before, voxels, sizeof(voxels)) != 0) {
        return EXPO_CORRUPT;
    }

    expo_table_hide(&table, voxels, 1);

    for (i = 0; i < VOXELS; i++) {
        boards += what[i] == BOARD;
        gone += what[i] == BOARD && voxels[i] == 24;
        hidden_of_body += what[i] == BODY && voxels[i] != before[i];
    }

    hidden_of_board = boards > 0 ? (double) gone / (double) boards : 0;
    printf("# %.4f of the table, %zu voxels of the body, %zu runs\n",
           hidden_of_board, hidden_of_body, table.count);

    return st;
}

/* --- */

static void
a_table_under_a_body_is_found_and_nothing_of_the_body(void)
{
    start();
    put(board, BOARD, -100);
    put(rails, BOARD, 400);
    put(trunk, BODY, 40);
    put(lungs, BODY, -800);
    put(arms, BODY, 30);
    put(ears, BODY, 20);
    put(fingers, BODY, 30);

    check(found() == EXPO_OK);
    check(hidden_of_board > 0.99);
    check(hidden_of_body == 0);
}

static void
showing_it_brings_every_voxel_back(void)
{
    check(table.hidden);
    check(!expo_table_hide(&table, voxels, 1));
    memcpy(without, voxels, sizeof(voxels));
    check(expo_table_hide(&table, voxels, 0));
    check(memcmp(voxels, before, sizeof(voxels)) == 0);
    check(expo_table_hide(&table, voxels, 1));
    check(memcmp(voxels, without, sizeof(voxels)) == 0);
}

static void
a_person_may_lie_on_any_side_and_either_way_round(void)
{
    int i;

    for (i = 1; i < 8; i++) {
        start();
        put(board, BOARD, -100);
        put(trunk, BODY, 40);
        put(arms, BODY, 30);
        put(fingers, BODY, 30);
        turn(i & 1, i & 2, i & 4);

        check(found() == EXPO_OK);
        check(hidden_of_board > 0.99);
        check(hidden_of_body == 0);
    }
}

static void
a_table_in_touch_with_the_body_is_told_from_it(void)
{
    pressed = 10;
    start();
    put(body_above_board, BODY, 40);
    put(board_touching, BOARD, -100);

    check(found() == EXPO_OK);
    check(hidden_of_board > 0.95);
    check(hidden_of_body == 0);

    /* What is never seen apart from the body stays with it. */
    pressed = 20;
    start();
    put(body_above_board, BODY, 40);
    put(board_touching, BOARD, -100);

    check(found() == EXPO_OK);
    check(hidden_of_board > 0.7);
    check(hidden_of_body == 0);
}

static void
a_head_holder_is_found_with_its_ends(void)
{
    start();
    put(head, BODY, 40);
    put(holder, BOARD, 200);

    check(found() == EXPO_OK);
    check(hidden_of_board > 0.95);
    check(hidden_of_body == 0);
}

static void
a_table_at_a_slant_is_found(void)
{
    start();
    put(turned_board, BOARD, -100);
    put(head, BODY, 40);

    check(found() == EXPO_OK);
    check(hidden_of_board > 0.9);
    check(hidden_of_body == 0);
}

/* Slices may be the volume's first or second axis: a NIfTI file's often are. */
static void
the_axis_of_the_table_is_told_by_the_directions(void)
{
    static uint16_t v[VOXELS];
    size_t x, y, z;

    start();
    put(board, BOARD, -100);
    put(trunk, BODY, 40);
    memcpy(v, voxels, sizeof(v));

    /* Now z runs fastest. */
    for (z = 0; z < SLICES; z++) {
        for (y = 0; y < EDGE; y++) {
            for (x = 0; x < EDGE; x++) {
                voxels[(y * EDGE + x) * SLICES + z] =
                    v[(z * EDGE + y) * EDGE + x];
            }
        }
    }

    volume.dims[0] = SLICES;
    volume.dims[2] = EDGE;
    memset(volume.affine, 0, sizeof(volume.affine));
    volume.affine[8] = ALONG;
    volume.affine[1] = MM;
    volume.affine[6] = -MM;

    expo_table_close(&table);
    check(expo_table_find(&table, &volume, voxels) == EXPO_OK);
    check(table.voxels > VOXELS / 100);
}

static void
where_there_is_none_none_is_found(void)
{
    start();
    check(found() == EXPO_NOT_FOUND);

    start();
    put(trunk, BODY, 40);
    put(lungs, BODY, -800);
    put(arms, BODY, 30);
    put(ears, BODY, 20);
    put(cable, BODY, 300);
    check(found() == EXPO_NOT_FOUND);
    check(table.runs == NULL && !expo_table_hide(&table, voxels, 1));

    start();
    put(head, BODY, 40);
    put(ears, BODY, 20);
    check(found() == EXPO_NOT_FOUND);

    /* A board alone is no table: there is nobody on it. */
    start();
    put(board, BOARD, -100);
    check(found() == EXPO_NOT_FOUND);

    /* What is not there through the slices may be anything. */
    start();
    put(trunk, BODY, 40);
    put(short_board, BOARD, -100);
    check(found() == EXPO_NOT_FOUND);
}

static void
values_that_are_no_hu_and_odd_volumes_have_none(void)
{
    start();
    put(board, BOARD, -100);
    put(trunk, BODY, 40);
    strcpy(volume.unit, "");
    strcpy(volume.modality, "MR");
    volume.offset = 0;
    check(found() == EXPO_NOT_FOUND);

    /* A file that names no unit and has air where HU have it. */
    volume.offset = -1024;
    check(found() == EXPO_OK);

    /* Too few slices, too fine, too coarse, or thin as a thread. */
    start();
    volume.dims[2] = 3;
    check(found() == EXPO_NOT_FOUND);

    start();
    volume.affine[0] = volume.affine[5] = volume.affine[10] = 0.01;
    check(found() == EXPO_NOT_FOUND);

    start();
    volume.affine[0] = volume.affine[5] = 50;
    check(found() == EXPO_NOT_FOUND);

    start();
    volume.dims[0] = 1;
    volume.dims[1] = 4000;
    check(found() == EXPO_NOT_FOUND);

    /* All dense, none dense. */
    start();
    volume.voxel_min = 2000;
    check(found() == EXPO_NOT_FOUND);

    start();
    volume.voxel_max = 20;
    check(found() == EXPO_NOT_FOUND);
}

int
main(void)
{
    a_table_under_a_body_is_found_and_nothing_of_the_body();
    showing_it_brings_every_voxel_back();
    a_person_may_lie_on_any_side_and_either_way_round();
    a_table_in_touch_with_the_body_is_told_from_it();
    a_head_holder_is_found_with_its_ends();
    a_table_at_a_slant_is_found();
    the_axis_of_the_table_is_told_by_the_directions();
    where_there_is_none_none_is_found();
    values_that_are_no_hu_and_odd_volumes_have_none();

    expo_table_close(&table);

    return done();
}
