#include "lib/turntable.c"

#include <string.h>

#include "t/unit/check.h"

static expo_settings_t
seen_from(double x, double y, double z)
{
    expo_settings_t s;

    memset(&s, 0, sizeof(s));
    s.camera.target[0] = 10;
    s.camera.target[1] = 20;
    s.camera.target[2] = 30;
    s.camera.position[0] = 10 + x;
    s.camera.position[1] = 20 + y;
    s.camera.position[2] = 30 + z;
    s.camera.up[0] = 0.6;
    s.camera.up[1] = 0.8;

    return s;
}

static int
is(const double v[3], double x, double y, double z)
{
    return fabs(v[0] - x) < 1e-9 && fabs(v[1] - y) < 1e-9 &&
           fabs(v[2] - z) < 1e-9;
}

static void
it_goes_from_the_front_to_the_left(void)
{
    expo_settings_t s = seen_from(0, -100, 40);

    expo_turntable(&s, 0);
    check(is(s.camera.position, 10, -80, 70));
    expo_turntable(&s, M_PI / 2);
    check(is(s.camera.position, 110, 20, 70));
    expo_turntable(&s, M_PI / 2);
    check(is(s.camera.position, 10, 120, 70));
    check(is(s.camera.target, 10, 20, 30));
}

static void
it_is_level_unless_it_looks_along_the_axis(void)
{
    expo_settings_t s = seen_from(0, -100, 40);

    expo_turntable(&s, 1);
    check(is(s.camera.up, 0, 0, 1));

    s = seen_from(0, 0, 100);
    expo_turntable(&s, M_PI / 2);
    check(is(s.camera.position, 10, 20, 130));
    check(is(s.camera.up, -0.8, 0.6, 0));
}

int
main(void)
{
    it_goes_from_the_front_to_the_left();
    it_is_level_unless_it_looks_along_the_axis();

    return done();
}
