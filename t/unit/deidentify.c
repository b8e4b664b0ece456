/* The allow-list, as the server reads it. */

#include "lib/deidentify.c"
#include "t/unit/check.h"

static expo_deidentify_t *list;

static void
geometry_and_pixels_may_stay(void)
{
    check(expo_deidentify_allows(list, 0x00200032, 0));
    check(expo_deidentify_allows(list, 0x00280010, 0));
    check(expo_deidentify_allows(list, 0x7fe00010, 0));
    check(expo_deidentify_allows(list, 0x52009230, 0));
    check(expo_deidentify_allows(list, 0x0020000e, 0));
}

static void
names_may_only_be_there_empty(void)
{
    check(expo_deidentify_allows(list, 0x00100010, 1));
    check(!expo_deidentify_allows(list, 0x00100010, 0));
    check(!expo_deidentify_allows(list, 0x00100030, 0));
    check(expo_deidentify_allows(list, 0x00100020, 0)); /* a random label */
}

static void
nothing_else_may(void)
{
    check(!expo_deidentify_allows(list, 0x00080080, 0));
    check(!expo_deidentify_allows(list, 0x00080080, 1));
    check(!expo_deidentify_allows(list, 0x00091001, 0));
    check(!expo_deidentify_allows(list, 0x60003000, 0));
    check(!expo_deidentify_allows(list, 0xffffffff, 0));
}

static void
what_is_set_may_with_all_that_is_in_it(void)
{
    check(expo_deidentify_allows(list, 0x00120064, 0));
    check(expo_deidentify_allows(list, 0x00080104, 0));
    check(expo_deidentify_allows(list, 0x00080000, 0)); /* a group's length */
}

int
main(void)
{
    check(expo_deidentify_open(&list) == EXPO_OK);

    geometry_and_pixels_may_stay();
    names_may_only_be_there_empty();
    nothing_else_may();
    what_is_set_may_with_all_that_is_in_it();

    expo_deidentify_close(list);

    return done();
}
