#include "lib/moment.c"
#include "t/unit/check.h"

static expo_status_t
parse(const char *text, uint64_t *s)
{
    return expo_moment_parse(s, text, strlen(text));
}

static void
a_moment_has_one_spelling(void)
{
    static const struct {
        uint64_t s;
        const char *text;
    } moments[] = {{0, "1970-01-01T00:00:00Z"},
                   {951782400, "2000-02-29T00:00:00Z"},
                   {1795406706, "2026-11-23T04:05:06Z"},
                   {EXPO_MOMENT_MAX, "9999-12-31T23:59:59Z"}};
    char text[EXPO_MOMENT_TEXT + 1];
    uint64_t s;

    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        expo_moment_print(text, moments[i].s);
        check(strcmp(text, moments[i].text) == 0);
        check(parse(text, &s) == EXPO_OK && s == moments[i].s);
    }
}

static void
any_other_spelling_is_refused(void)
{
    static const char *const wrong[] = {"",
                                        "2026-11-23T04:05:06",
                                        "2026-11-23T04:05:06z",
                                        "2026-11-23t04:05:06Z",
                                        "2026-11-23 04:05:06Z",
                                        "2026-11-23T04:05:60Z",
                                        "2026-11-23T24:05:06Z",
                                        "2026-02-30T04:05:06Z",
                                        "2026-13-01T04:05:06Z",
                                        "2026-00-01T04:05:06Z",
                                        "1969-12-31T23:59:59Z",
                                        "2026-11-23T04:05:-6Z",
                                        "2026-11-23T04:05: 6Z",
                                        "+026-11-23T04:05:06Z",
                                        "2026-11-23T04:05:06.5Z",
                                        "2026-11-23T04:05:06+00:00",
                                        "2026-11-23T04:05:06ZZ"};
    uint64_t s = 7;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        check(parse(wrong[i], &s) == EXPO_INVALID);
    }
    check(expo_moment_parse(&s, "2026-11-23T04:05:0\0Z", 20) == EXPO_INVALID);
    check(s == 7);
}

int
main(void)
{
    a_moment_has_one_spelling();
    any_other_spelling_is_refused();

    return done();
}
