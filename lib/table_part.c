#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/table_shape.h"

/* The picture's edge may cut a table into parts. */
#define PART_WIDE_MM 25.0
#define PART_THICK_MM 30.0 /* at most, in the mean */

#define PART_STEADY 0.9 /* of the slices that a column of it spans */
#define PART_BARE 0.25  /* of them, where it is seen beside the body */
#define PART_UNDER 0.3  /* of its width that has body above it ... */
#define PART_OVER 0.02  /* ... and below, at most */

#define PARTS_MAX 4096

#define NOWHERE UINT16_MAX

/* A column of samples along the table's axis: where it is dense throughout. */
typedef struct {
    uint16_t first, end;  /* equal: not the table's */
    uint16_t dense, bare; /* samples between them; of those, not the body's */
} part_stretch_t;

typedef struct {
    part_stretch_t best, now;
    uint16_t part; /* which connected part of the table; 0: none */
    uint8_t core;  /* some slice has the inside of the body here */
} part_column_t;

/* From which side a slice is looked at: across, and down through it. */
typedef struct {
    int across; /* 0 or 1 of table_shape_t's axes */
    int turned; /* down is against the other one's order */
} part_side_t;

/* A part, or all that are taken, seen from a side; samples. */
typedef struct {
    uint32_t wide, area, slices;
    uint32_t under, over; /* of wide: with body's core above, below */
    uint32_t met;         /* the last place across, from 1 */
    int taken;
} part_t;

typedef struct {
    table_shape_t *s;
    part_column_t *column; /* [n[1]][n[0]] */
    uint16_t *depth;       /* [n[2]][across]: where the table begins */
    part_t *part;          /* [PARTS_MAX + 1]; [0]: all that are taken */
    uint16_t parts;
} part_find_t;

static expo_status_t part_work(part_find_t *f);
static void part_columns(part_find_t *f);
static void part_stretch(part_column_t *c, uint32_t z, uint8_t cell);
static int part_is_column(const part_stretch_t *c, double mm);
static void part_number(part_find_t *f);
static size_t part_spread(part_find_t *f, size_t start, uint16_t part);
static double part_judge(part_find_t *f, part_side_t side);
static void part_measure(part_find_t *f, part_side_t side);
static void part_count(part_t *p, const part_column_t *c, uint32_t l, int above,
                       int below);
static int part_fits(const table_shape_t *s, const part_t *p, part_side_t side,
                     double wide_mm);
static size_t part_at(const table_shape_t *s, part_side_t side, uint32_t l,
                      uint32_t d);
static void part_profile(part_find_t *f, part_side_t side);
static void part_hide(part_find_t *f, part_side_t side);
static void part_hide_hung(table_shape_t *s);
static void part_hide_around(table_shape_t *s, uint32_t at);
static int part_near(const table_shape_t *s, uint32_t at);
static void part_around(const table_shape_t *s, uint32_t at, uint32_t first[3],
                        uint32_t end[3]);


expo_status_t
table_part_find(table_shape_t *s)
{
    part_find_t f = {.s = s};
    uint32_t across = s->n[0] > s->n[1] ? s->n[0] : s->n[1];
    expo_status_t st;

    f.column = calloc((size_t) s->n[0] * s->n[1], sizeof(*f.column));
    f.depth = malloc((size_t) s->n[2] * across * sizeof(*f.depth));
    f.part = malloc((PARTS_MAX + 1) * sizeof(*f.part));

    st = f.column != NULL && f.depth != NULL && f.part != NULL ? part_work(&f)
                                                               : EXPO_NO_MEMORY;

    free(f.column);
    free(f.depth);
    free(f.part);

    return st;
}


static expo_status_t
part_work(part_find_t *f)
{
    static const part_side_t sides[] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    part_side_t best_side = sides[0];
    double area, best = 0;
    int i;

    part_columns(f);
    part_number(f);

    for (i = 0; i < 4; i++) {
        area = part_judge(f, sides[i]);

        if (area > best) {
            best = area;
            best_side = sides[i];
        }
    }

    if (best == 0) {
        return EXPO_NOT_FOUND;
    }

    part_judge(f, best_side);
    part_profile(f, best_side);
    part_hide(f, best_side);
    part_hide_hung(f->s);

    return EXPO_OK;
}


static void
part_columns(part_find_t *f)
{
    const table_shape_t *s = f->s;
    size_t slice = (size_t) s->n[0] * s->n[1], i;
    uint8_t *cell = s->cell;
    part_stretch_t *best;
    uint32_t z;

    for (z = 0; z < s->n[2]; z++, cell += slice) {
        for (i = 0; i < slice; i++) {
            f->column[i].core |= cell[i] & TABLE_BULK;

            if (cell[i] & TABLE_DENSE) {
                part_stretch(&f->column[i], z, cell[i]);
            }
        }
    }

    for (i = 0; i < slice; i++) {
        best = &f->column[i].best;

        if (!part_is_column(best, s->mm[2])) {
            best->first = best->end = 0;
        }
    }

    for (z = 0, cell = s->cell; z < s->n[2]; z++, cell += slice) {
        for (i = 0; i < slice; i++) {
            best = &f->column[i].best;

            if (z >= best->first && z < best->end && !(cell[i] & TABLE_CORE)) {
                cell[i] |= TABLE_COLUMN;
            }
        }
    }
}


/* Sample z goes on with the stretch before it, over a gap of one, or begins
 * another; the longest is the best. */
static void
part_stretch(part_column_t *c, uint32_t z, uint8_t cell)
{
    if (c->now.dense == 0 || z - c->now.end > 1) {
        c->now = (part_stretch_t){(uint16_t) z, (uint16_t) z, 0, 0};
    }

    c->now.end = (uint16_t) (z + 1);
    c->now.dense++;
    c->now.bare += !(cell & TABLE_BODY);

    if (c->now.end - c->now.first > c->best.end - c->best.first) {
        c->best = c->now;
    }
}


/* Long, the same in nearly every slice, and in many beside the body. */
static int
part_is_column(const part_stretch_t *c, double mm)
{
    int length = c->end - c->first;

    return length * mm >= TABLE_LONG_MM && c->dense >= PART_STEADY * length &&
           c->bare >= PART_BARE * length;
}


/* Numbers what hangs together among the columns from 1. What is small has no
 * number. */
static void
part_number(part_find_t *f)
{
    const table_shape_t *s = f->s;
    size_t slice = (size_t) s->n[0] * s->n[1], i, found;
    double least = PART_WIDE_MM / fmax(s->mm[0], s->mm[1]);

    for (i = 0; i < slice && f->parts < PARTS_MAX; i++) {
        if (f->column[i].best.end == 0 || f->column[i].part != 0) {
            continue;
        }

        found = part_spread(f, i, ++f->parts);

        if ((double) found < least) {
            while (found-- > 0) {
                f->column[s->stack[found]].best.end = 0;
                f->column[s->stack[found]].part = 0;
            }
            f->parts--;
        }
    }
}


/* f->s->stack lists its columns; how many. */
static size_t
part_spread(part_find_t *f, size_t start, uint16_t part)
{
    int w = (int) f->s->n[0], h = (int) f->s->n[1], x, y, i, k;
    size_t done = 0, found = 0, next;
    part_column_t *c;

    f->s->stack[found++] = (uint32_t) start;
    f->column[start].part = part;

    while (done < found) {
        x = (int) f->s->stack[done] % w;
        y = (int) f->s->stack[done++] / w;

        for (k = y > 0 ? y - 1 : 0; k < h && k <= y + 1; k++) {
            for (i = x > 0 ? x - 1 : 0; i < w && i <= x + 1; i++) {
                next = (size_t) k * (size_t) w + (size_t) i;
                c = &f->column[next];

                if (c->best.end > 0 && c->part == 0) {
                    c->part = part;
                    f->s->stack[found++] = (uint32_t) next;
                }
            }
        }
    }

    return found;
}


/* How large a table the parts make that look like one from a side, or like a
 * piece of it, mm2; 0: none. They are marked. */
static double
part_judge(part_find_t *f, part_side_t side)
{
    const table_shape_t *s = f->s;
    uint16_t i;

    memset(f->part, 0, (f->parts + 1u) * sizeof(*f->part));
    part_measure(f, side);

    for (i = 1; i <= f->parts; i++) {
        f->part[i].taken = part_fits(s, &f->part[i], side, PART_WIDE_MM);
    }

    part_measure(f, side);

    if (!part_fits(s, &f->part[0], side, TABLE_WIDE_MM) ||
        f->part[0].under < PART_UNDER * f->part[0].wide) {
        return 0;
    }

    return f->part[0].wide * s->mm[side.across] * f->part[0].slices /
           f->part[0].area * s->mm[2];
}


/* Counts for each part, and for those that are taken together. */
static void
part_measure(part_find_t *f, part_side_t side)
{
    const table_shape_t *s = f->s;
    uint32_t across = s->n[side.across], down = s->n[!side.across], l, d;
    uint32_t last;
    const part_column_t *c;
    int above;
    size_t at;

    for (l = 0; l < across; l++) {
        above = 0;

        for (last = down; last > 0; last--) {
            if (f->column[part_at(s, side, l, last - 1)].core) {
                break;
            }
        }

        for (d = 0; d < down; d++) {
            at = part_at(s, side, l, d);
            c = &f->column[at];

            if (c->part > 0) {
                part_count(&f->part[c->part], c, l, above, d < last);
            }

            if (f->part[c->part].taken) {
                part_count(&f->part[0], c, l, above, d < last);
            }

            above |= c->core;
        }
    }
}


static void
part_count(part_t *p, const part_column_t *c, uint32_t l, int above, int below)
{
    if (p->met != l + 1) {
        p->met = l + 1;
        p->wide++;
        p->under += (uint32_t) above;
        p->over += (uint32_t) below;
    }

    p->area++;
    p->slices += (uint32_t) (c->best.end - c->best.first);
}


/* Thin, wide enough, and with nothing of the body below. */
static int
part_fits(const table_shape_t *s, const part_t *p, part_side_t side,
          double wide_mm)
{
    return p->wide * s->mm[side.across] >= wide_mm &&
           p->area * s->mm[!side.across] <= PART_THICK_MM * p->wide &&
           p->over <= PART_OVER * p->wide;
}


static size_t
part_at(const table_shape_t *s, part_side_t side, uint32_t l, uint32_t d)
{
    uint32_t deep = side.turned ? s->n[!side.across] - 1 - d : d;

    return side.across == 0 ? (size_t) deep * s->n[0] + l
                            : (size_t) l * s->n[0] + deep;
}


/* Where the parts that are taken begin, in each slice. */
static void
part_profile(part_find_t *f, part_side_t side)
{
    const table_shape_t *s = f->s;
    uint32_t across = s->n[side.across], down = s->n[!side.across], l, d, z;
    size_t i, n = (size_t) s->n[2] * across;
    const part_column_t *c;

    for (i = 0; i < n; i++) {
        f->depth[i] = NOWHERE;
    }

    for (l = 0; l < across; l++) {
        for (d = down; d-- > 0;) {
            c = &f->column[part_at(s, side, l, d)];

            for (z = c->best.first; f->part[c->part].taken && z < c->best.end;
                 z++) {
                f->depth[(size_t) z * across + l] = (uint16_t) d;
            }
        }
    }
}


/* From the table down, all that is not the body's nor next to it; one sample
 * above it, where there is no body: the shell's soft edge. */
static void
part_hide(part_find_t *f, part_side_t side)
{
    const table_shape_t *s = f->s;
    uint32_t across = s->n[side.across], down = s->n[!side.across], l, d, z;
    size_t slice = (size_t) s->n[0] * s->n[1], at;
    uint16_t depth;
    uint8_t *cell;

    for (z = 0; z < s->n[2]; z++) {
        for (l = 0; l < across; l++) {
            depth = f->depth[(size_t) z * across + l];

            if (depth == NOWHERE) {
                continue;
            }

            for (d = depth > 0 ? depth - 1u : 0; d < down; d++) {
                at = part_at(s, side, l, d);
                cell = &s->cell[at + z * slice];

                if ((*cell & TABLE_COLUMN && d >= depth) ||
                    !(part_near(s, (uint32_t) (at + z * slice)) & TABLE_BODY)) {
                    *cell |= TABLE_HIDDEN;
                }
            }
        }
    }
}


/* What hangs on the table and not on the body goes with it: an end that does
 * not go through all slices, a strap. */
static void
part_hide_hung(table_shape_t *s)
{
    const int mask = TABLE_DENSE | TABLE_BODY | TABLE_HIDDEN | TABLE_SEEN;
    uint32_t cells = s->n[0] * s->n[1] * s->n[2], i;
    size_t found, k;
    int near;

    for (i = 0; i < cells; i++) {
        if ((s->cell[i] & mask) != TABLE_DENSE) {
            continue;
        }

        found = table_shape_flood(s, i, mask, TABLE_DENSE);

        for (near = 0, k = 0; k < found; k++) {
            near |= part_near(s, s->stack[k]);
        }

        for (k = 0; k < found && near == TABLE_HIDDEN; k++) {
            part_hide_around(s, s->stack[k]);
        }
    }
}


/* With its soft edge. */
static void
part_hide_around(table_shape_t *s, uint32_t at)
{
    uint32_t first[3], end[3], x, y, z, next;

    part_around(s, at, first, end);

    for (z = first[2]; z < end[2]; z++) {
        for (y = first[1]; y < end[1]; y++) {
            for (x = first[0]; x < end[0]; x++) {
                next = (z * s->n[1] + y) * s->n[0] + x;

                if (next == at || (!(s->cell[next] & TABLE_DENSE) &&
                                   !(part_near(s, next) & TABLE_BODY))) {
                    s->cell[next] |= TABLE_HIDDEN;
                }
            }
        }
    }
}


/* TABLE_BODY, if a sample or one of its 26 neighbours is the body's, a table in
 * touch with it left out; TABLE_HIDDEN, if one is hidden. */
static int
part_near(const table_shape_t *s, uint32_t at)
{
    uint32_t first[3], end[3], x, y, z;
    const uint8_t *row;
    int near = 0;

    part_around(s, at, first, end);

    for (z = first[2]; z < end[2]; z++) {
        for (y = first[1]; y < end[1]; y++) {
            row = s->cell + (z * s->n[1] + y) * s->n[0];

            for (x = first[0]; x < end[0]; x++) {
                near |= row[x] & TABLE_COLUMN
                            ? row[x] & TABLE_HIDDEN
                            : row[x] & (TABLE_BODY | TABLE_HIDDEN);
            }
        }
    }

    return near;
}


static void
part_around(const table_shape_t *s, uint32_t at, uint32_t first[3],
            uint32_t end[3])
{
    const uint32_t place[3] = {at % s->n[0], at / s->n[0] % s->n[1],
                               at / s->n[0] / s->n[1]};
    int i;

    for (i = 0; i < 3; i++) {
        first[i] = place[i] > 0 ? place[i] - 1 : 0;
        end[i] = place[i] + 2 < s->n[i] ? place[i] + 2 : s->n[i];
    }
}
