#include "lib/turntable.h"

#include <math.h>

/* Cosine of the angle to the axis from which on the view is along it. */
#define TURNTABLE_ALONG 0.999

static void turn(double v[3], double angle);


void
expo_turntable(expo_settings_t *s, double angle)
{
    double *position = s->camera.position, *up = s->camera.up, arm[3], length;
    const double *target = s->camera.target;
    int i;

    for (i = 0; i < 3; i++) {
        arm[i] = position[i] - target[i];
    }

    length = sqrt(arm[0] * arm[0] + arm[1] * arm[1] + arm[2] * arm[2]);

    if (fabs(arm[2]) > TURNTABLE_ALONG * length) {
        turn(up, angle);

    } else {
        up[0] = up[1] = 0;
        up[2] = 1;
    }

    turn(arm, angle);

    for (i = 0; i < 3; i++) {
        position[i] = target[i] + arm[i];
    }
}


/* From the front, -y, to the left, x, to the back. */
static void
turn(double v[3], double angle)
{
    double x = v[0], y = v[1];

    v[0] = cos(angle) * x - sin(angle) * y;
    v[1] = sin(angle) * x + cos(angle) * y;
}
