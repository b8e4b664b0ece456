/*
 * The scanner's table: hidden, the picture is bit for bit that of a volume
 * which never had one; shown again, it is what it was.
 */

#include "t/render/scene.h"
#include "t/unit/check.h"

#define SIDE 24
#define PIXELS (SIDE * SIDE)
#define EDGE 26

typedef struct {
    float rgb[3 * PIXELS];
    uint8_t shown[4 * PIXELS];
} picture_t;

static tracer_t *tracer;
static expo_volume_t volume;
static uint16_t *without, *with;
static expo_table_t table;

/* A board under the ball. */
static void
lay_table(void)
{
    size_t n = EDGE * EDGE * EDGE, i, at = 0;

    volume = test_volume(EDGE, EDGE, EDGE);
    without = test_ball(&volume, 7);
    with = malloc(n * sizeof(*with));
    table.runs = malloc(n * sizeof(*table.runs));
    table.values = malloc(n * sizeof(*table.values));

    for (i = 0; i < n; i++) {
        int y = (int) (i / EDGE % EDGE);

        with[i] = without[i];

        if (y == 22 || y == 23) {
            with[i] = 900;
            table.values[table.voxels++] = without[i];

            if (table.count == 0 || at + 1 != i) {
                table.runs[table.count][0] = (uint32_t) (i - (at + !!at));
                table.runs[table.count++][1] = 0;
            }

            table.runs[table.count - 1][1]++;
            at = i;
        }
    }
}

static expo_settings_t
lit(expo_technique_t technique, bool hide)
{
    expo_settings_t s = test_settings();

    s.environment.intensity = 0.5f;
    s.shading.mode = EXPO_SHADING_HYBRID;
    s.shading.max_bounces = 1;
    s.lights[0] = test_light(100, 30);
    s.n_lights = 1;
    s.camera.position[0] = 60;
    s.technique.mode = technique;
    s.technique.isovalue = 450;
    s.technique.window_center = 500;
    s.technique.window_width = 1000;
    s.technique.slice.normal[2] = 1;
    s.technique.slice.up[1] = 1;
    s.technique.slice.width_mm = EDGE;
    s.clip.hide_table = hide;

    return s;
}

static void
take(tracer_view_t *view, expo_technique_t technique, bool hide, picture_t *out)
{
    expo_settings_t s = lit(technique, hide);

    memset(out, 0, sizeof(*out));
    tracer_set(view, &s);
    tracer_film(view, SIDE, SIDE, 3);
    tracer_pass(view, 3);
    tracer_read(view, out->rgb);
    tracer_read_display(view, SIDE, SIDE, out->shown);
}

static int
same(const picture_t *a, const picture_t *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static void
hidden_is_a_volume_without_it_and_shown_is_what_it_was(void)
{
    static const expo_technique_t techniques[] = {
        EXPO_PATH, EXPO_MIP, EXPO_AVERAGE, EXPO_ISOSURFACE, EXPO_SLICE};
    static picture_t plain, hidden, shown, again;
    tracer_view_t *view, *other;
    size_t i;

    for (i = 0; i < sizeof(techniques) / sizeof(techniques[0]); i++) {
        expo_table_hide(&table, with, 1);
        check(memcmp(with, without, 2 * EDGE * EDGE * EDGE) == 0);

        tracer_open(tracer, &volume, without, &other);
        take(other, techniques[i], true, &plain);
        tracer_close(other);

        tracer_open(tracer, &volume, with, &view);
        tracer_table(view, &table, with);
        take(view, techniques[i], true, &hidden);
        check(same(&hidden, &plain));
        take(view, techniques[i], false, &shown);
        check(!same(&shown, &hidden) && with[22 * EDGE] == 900);
        take(view, techniques[i], true, &again);
        check(same(&again, &hidden));
        take(view, techniques[i], false, &again);
        check(same(&again, &shown));
        tracer_close(view);
    }
}

/* The light of the old picture may not stay where the table was. */
static void
nothing_of_it_remains_in_what_is_shown_while_young(void)
{
    static picture_t plain, hidden;
    tracer_view_t *view;
    int turn;

    for (turn = 0; turn < 2; turn++) {
        expo_table_hide(&table, with, 1);
        tracer_open(tracer, &volume, with, &view);
        tracer_table(view, &table, with);

        if (turn == 1) {
            take(view, EXPO_PATH, false, &hidden);
        }

        take(view, EXPO_PATH, true, turn ? &hidden : &plain);
        tracer_close(view);
    }

    check(same(&plain, &hidden));
}

int
main(void)
{
    char error[100];

    if (tracer_create("cpu", 2, &tracer, error, sizeof(error)) != EXPO_OK) {
        return 1;
    }

    lay_table();
    hidden_is_a_volume_without_it_and_shown_is_what_it_was();
    nothing_of_it_remains_in_what_is_shown_while_young();

    tracer_destroy(tracer);
    expo_table_close(&table);
    free(without);
    free(with);

    return done();
}
