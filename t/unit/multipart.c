#include "lib/multipart.c"
#include "t/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

static char told[1 << 16];
static size_t told_len;

static void
tell(const char *text, size_t len)
{
    memcpy(told + told_len, text, len);
    told_len += len;
    told[told_len] = '\0';
}

/* What a body says, as "(headers|data)" a part; cut into pieces of `step`. */
static expo_status_t
parse(const char *type, const char *body, size_t len, size_t first, size_t step)
{
    static expo_multipart_t m;
    expo_multipart_event_t event;
    expo_status_t st = expo_multipart_open(&m, "form-data", type, strlen(type));
    size_t from = 0, n = first;
    const uint8_t *data;

    told_len = 0;
    told[0] = '\0';

    for (; st == EXPO_OK && from < len; from += n, n = step) {
        /* Of its own, so that a look beyond is seen. */
        uint8_t *piece;
        const uint8_t *at, *end;

        n = n < len - from ? n : len - from;
        piece = malloc(n);
        memcpy(piece, body + from, n);
        at = piece;
        end = piece + n;

        do {
            size_t bytes = 0;

            st = expo_multipart_next(&m, &at, end, &event, &data, &bytes);
            if (st != EXPO_OK) {
                break;
            }
            if (event == EXPO_MULTIPART_PART) {
                tell("(", 1);
                tell(m.headers, m.headers_len);
                tell("|", 1);
            } else if (event == EXPO_MULTIPART_DATA) {
                tell((const char *) data, bytes);
            } else if (event == EXPO_MULTIPART_PART_END) {
                tell(")", 1);
            }
        } while (event != EXPO_MULTIPART_MORE);

        free(piece);
    }

    return st != EXPO_OK ? st : expo_multipart_whole(&m) ? EXPO_OK : EXPO_AGAIN;
}

#define TYPE "multipart/form-data; boundary=b"

static expo_status_t
whole(const char *body)
{
    return parse(TYPE, body, strlen(body), SIZE_MAX, 1);
}

static void
parts_come_out_as_they_went_in(void)
{
    check(whole("--b\r\nA: 1\r\n\r\nhello\r\n--b\r\n\r\nworld\r\n--b--\r\n") ==
          EXPO_OK);
    check(strcmp(told, "(A: 1\r\n|hello)(|world)") == 0);
    check(whole("--b\r\n\r\n\r\n--b--") == EXPO_OK);
    check(strcmp(told, "(|)") == 0);
    check(whole("--b\r\nA: 1\r\n\r\n--b--") == EXPO_OK);
    check(strcmp(told, "(A: 1\r\n|)") == 0);
    check(whole("--b--") == EXPO_OK && told_len == 0);
}

static void
what_is_around_the_parts_is_passed_over(void)
{
    check(whole("preamble\r\n--b\r\n\r\nx\r\n--b-- \r\nepilogue\r\n--b\r\n") ==
          EXPO_OK);
    check(strcmp(told, "(|x)") == 0);
    check(whole("\r\n--b \t\r\n\r\nx\r\n--b--") == EXPO_OK);
    check(strcmp(told, "(|x)") == 0);
}

static void
data_may_look_like_a_delimiter(void)
{
    check(
        whole("--b\r\n\r\n\r\n-\r\r\n-\r\n--\r\n--a\r--b\n--b\r\n\r\n--b--") ==
        EXPO_OK);
    check(strcmp(told, "(|\r\n-\r\r\n-\r\n--\r\n--a\r--b\n--b\r\n)") == 0);
}

static void
every_split_gives_the_same_parts(void)
{
    static const char body[] =
        "pre\r\n-\r\n--b\r\nA: 1\r\nB: \"2\"\r\n\r\none\r\n\r\r\n--\r\n--"
        "\r\n--b \r\n\r\n\r\n--b\r\nC: 3\r\n\r\n--b\r\n\r\n\r\r\n--b--\r\nx";
    char expected[256];
    int wrong = 0;

    check(whole(body) == EXPO_OK);
    memcpy(expected, told, told_len + 1);
    check(strcmp(expected, "(A: 1\r\nB: \"2\"\r\n|one\r\n\r\r\n--\r\n--)(|)"
                           "(C: 3\r\n|)(|\r)") == 0);

    for (size_t cut = 1; cut < sizeof(body) - 1; cut++) {
        wrong += parse(TYPE, body, sizeof(body) - 1, cut, SIZE_MAX) != EXPO_OK;
        wrong += strcmp(told, expected) != 0;
    }
    for (size_t step = 1; step < 9; step++) {
        wrong += parse(TYPE, body, sizeof(body) - 1, step, step) != EXPO_OK;
        wrong += strcmp(told, expected) != 0;
    }
    check(wrong == 0);
}

static void
a_body_that_ends_early_is_not_whole(void)
{
    static const char body[] = "--b\r\nA: 1\r\n\r\nhello\r\n--b--";
    int wrong = 0;

    for (size_t n = 0; n < sizeof(body) - 1; n++) {
        wrong += parse(TYPE, body, n, SIZE_MAX, 1) != EXPO_AGAIN;
    }
    check(wrong == 0);
}

static void
what_is_not_as_the_rfc_has_it_is_refused(void)
{
    static const char *const wrong[] = {"--bx\r\n\r\n",
                                        "--b\n\r\nx",
                                        "--b-x",
                                        "--b -\r\n",
                                        "--b\r\rx",
                                        "--b\r\nno colon\r\n\r\n",
                                        "--b\r\n: x\r\n\r\n",
                                        "--b\r\n A: 1\r\n\r\n",
                                        "--b\r\nA: \x01\r\n\r\n",
                                        "--b\r\nA b: 1\r\n\r\n",
                                        "--b\r\nA: 1\nB: 2\r\n\r\n"};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        check(whole(wrong[i]) == EXPO_INVALID);
    }

    check(parse(TYPE, "--b\r\nA: \0\r\n\r\n", 14, SIZE_MAX, 1) == EXPO_INVALID);
}

static void
headers_preamble_and_parts_have_limits(void)
{
    static char body[EXPO_MULTIPART_HEADERS + 64];
    static const char part[] = "--b\r\n\r\n\r\n";
    size_t bytes = (sizeof(part) - 1) * (EXPO_MULTIPART_PARTS + 2);
    char *many = malloc(bytes);

    memset(body, 'a', sizeof(body));
    check(parse(TYPE, body, EXPO_MULTIPART_HEADERS, SIZE_MAX, 1) == EXPO_AGAIN);
    check(parse(TYPE, body, EXPO_MULTIPART_HEADERS + 1, SIZE_MAX, 1) ==
          EXPO_TOO_LARGE);

    memcpy(body, "--b\r\n", 5);
    check(parse(TYPE, body, EXPO_MULTIPART_HEADERS + 5, SIZE_MAX, 1) ==
          EXPO_AGAIN);
    check(parse(TYPE, body, EXPO_MULTIPART_HEADERS + 6, SIZE_MAX, 1) ==
          EXPO_TOO_LARGE);

    memset(body, ' ', sizeof(body));
    memcpy(body, "--b", 3);
    check(parse(TYPE, body, EXPO_MULTIPART_HEADERS + 4, SIZE_MAX, 1) ==
          EXPO_INVALID);

    for (size_t i = 0; i < EXPO_MULTIPART_PARTS + 2; i++) {
        memcpy(many + i * (sizeof(part) - 1), part, sizeof(part) - 1);
    }
    told_len = 0;
    {
        static expo_multipart_t m;
        expo_multipart_event_t event = EXPO_MULTIPART_PART;
        const uint8_t *at = (uint8_t *) many, *data;
        expo_status_t st;
        size_t n, parts = 0;

        expo_multipart_open(&m, "form-data", TYPE, strlen(TYPE));
        do {
            st = expo_multipart_next(&m, &at, (uint8_t *) many + bytes, &event,
                                     &data, &n);
            parts += st == EXPO_OK && event == EXPO_MULTIPART_PART;
        } while (st == EXPO_OK && event != EXPO_MULTIPART_MORE);
        check(st == EXPO_TOO_LARGE && parts == EXPO_MULTIPART_PARTS);
    }
    free(many);
}

static expo_status_t
opened(const char *type)
{
    static expo_multipart_t m;

    return expo_multipart_open(&m, "related", type, strlen(type));
}

static void
a_type_has_one_boundary_of_1_to_128_characters(void)
{
    char type[256];

    check(opened("multipart/related; boundary=b") == EXPO_OK);
    check(
        opened(
            "Multipart/Related;type=\"application/dicom\";BOUNDARY=\"a b\"") ==
        EXPO_OK);
    check(opened("multipart/related ; boundary=b ; x=y") == EXPO_OK);
    check(opened("multipart/related") == EXPO_INVALID);
    check(opened("multipart/related; boundary=") == EXPO_INVALID);
    check(opened("multipart/related; boundary=\"\"") == EXPO_INVALID);
    check(opened("multipart/related; boundary=\"b \"") == EXPO_INVALID);
    check(opened("multipart/related; boundary=\"b") == EXPO_INVALID);
    check(opened("multipart/related; boundary=\"a\\\"b\"") == EXPO_INVALID);
    check(opened("multipart/related; boundary=a; boundary=b") == EXPO_INVALID);
    check(opened("multipart/related; boundary=a b") == EXPO_INVALID);
    check(opened("multipart/related; boundary=\"\xc3\xa4\"") == EXPO_INVALID);
    check(opened("multipart/form-data; boundary=b") == EXPO_UNSUPPORTED);
    check(opened("multipart/relatedx; boundary=b") == EXPO_UNSUPPORTED);
    check(opened("text/plain") == EXPO_UNSUPPORTED);
    check(opened("") == EXPO_UNSUPPORTED);

    snprintf(type, sizeof(type), "multipart/related; boundary=%0128d", 1);
    check(opened(type) == EXPO_OK);
    snprintf(type, sizeof(type), "multipart/related; boundary=%0129d", 1);
    check(opened(type) == EXPO_INVALID);
}

static void
headers_and_their_parameters_are_found_by_name(void)
{
    static const char body[] =
        "--b\r\ncontent-disposition: form-data; name=\"f\"; "
        "filename=\"a\\\"b;c.dcm\" \r\nX: y\r\n\r\n";
    static expo_multipart_t m;
    const uint8_t *at = (const uint8_t *) body, *data;
    expo_multipart_event_t event;
    const char *value;
    char text[32];
    size_t n, len;

    expo_multipart_open(&m, "form-data", TYPE, strlen(TYPE));
    check(expo_multipart_next(&m, &at, at + sizeof(body) - 1, &event, &data,
                              &n) == EXPO_OK &&
          event == EXPO_MULTIPART_PART);

    value = expo_multipart_header(&m, "Content-Disposition", &len);
    check(value != NULL && value[len - 1] == '"');
    check(expo_multipart_parameter(text, sizeof(text), &n, "filename", value,
                                   len) == EXPO_OK &&
          n == 9 && memcmp(text, "a\"b;c.dcm", 9) == 0);
    check(expo_multipart_parameter(text, 8, &n, "filename", value, len) ==
          EXPO_TOO_LARGE);
    check(expo_multipart_parameter(text, sizeof(text), &n, "file", value,
                                   len) == EXPO_NOT_FOUND);
    value = expo_multipart_header(&m, "x", &n);
    check(value != NULL && n == 1 && *value == 'y');
    check(expo_multipart_header(&m, "Content", &n) == NULL);
}


int
main(void)
{
    parts_come_out_as_they_went_in();
    what_is_around_the_parts_is_passed_over();
    data_may_look_like_a_delimiter();
    every_split_gives_the_same_parts();
    a_body_that_ends_early_is_not_whole();
    what_is_not_as_the_rfc_has_it_is_refused();
    headers_preamble_and_parts_have_limits();
    a_type_has_one_boundary_of_1_to_128_characters();
    headers_and_their_parameters_are_found_by_name();

    return done();
}
