#include "lib/tus.c"
#include "t/unit/check.h"

static expo_status_t
number(const char *text, uint64_t *n)
{
    return expo_tus_number(n, text, strlen(text));
}

static void
a_number_is_digits_below_two_to_63(void)
{
    static const char *const wrong[] = {"",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "0x10",
                                        "1.0",
                                        "1e3",
                                        "ten",
                                        "9223372036854775808",
                                        "18446744073709551616",
                                        "99999999999999999999999999"};
    uint64_t n = 7;

    check(number("0", &n) == EXPO_OK && n == 0);
    check(number("007", &n) == EXPO_OK && n == 7);
    check(number("9223372036854775807", &n) == EXPO_OK && n == INT64_MAX);

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        n = 42;
        check(number(wrong[i], &n) == EXPO_INVALID && n == 42);
    }
}

static expo_status_t
metadata(const char *text)
{
    return expo_tus_metadata_check(text, strlen(text));
}

static void
metadata_is_pairs_of_a_key_and_base64(void)
{
    static const char *const right[] = {"",
                                        "title S25lZQ==",
                                        "title S25lZQ==,kind YQ==",
                                        "private",
                                        "private,title S25lZQ==",
                                        "private ,title S25lZQ==",
                                        "a YQ==, b YQ=="};
    static const char *const wrong[] = {",",
                                        "title S25lZQ",
                                        "title S25lZQ==,",
                                        "title  Knee!",
                                        ",a YQ==",
                                        "a YQ==,a Yg==",
                                        "a YQ==,,b YQ==",
                                        "a YQ== YQ==",
                                        "a\tYQ==",
                                        "\xc3\xa4 YQ==",
                                        "a,a",
                                        "title S25lZR=="};

    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        check(metadata(right[i]) == EXPO_OK);
    }

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        check(metadata(wrong[i]) == EXPO_INVALID);
    }
}

static void
metadata_has_a_limit(void)
{
    static char text[EXPO_TUS_METADATA_MAX + 2];

    memset(text, 'k', sizeof(text));
    check(expo_tus_metadata_check(text, EXPO_TUS_METADATA_MAX) == EXPO_OK);
    check(expo_tus_metadata_check(text, EXPO_TUS_METADATA_MAX + 1) ==
          EXPO_TOO_LARGE);
}

static void
a_value_is_found_by_its_whole_key(void)
{
    static const char text[] = "titles WA==,title S25lZQ==, kind ,empty";
    uint8_t value[8];
    size_t n;

    check(expo_tus_metadata_get(value, 8, &n, "title", text, strlen(text)) ==
              EXPO_OK &&
          n == 4 && memcmp(value, "Knee", 4) == 0);
    check(expo_tus_metadata_get(value, 3, &n, "title", text, strlen(text)) ==
          EXPO_TOO_LARGE);
    check(expo_tus_metadata_get(value, 8, &n, "kind", text, strlen(text)) ==
              EXPO_OK &&
          n == 0);
    check(expo_tus_metadata_get(value, 8, &n, "empty", text, strlen(text)) ==
              EXPO_OK &&
          n == 0);
    check(expo_tus_metadata_get(value, 8, &n, "tit", text, strlen(text)) ==
          EXPO_NOT_FOUND);
    check(expo_tus_metadata_get(value, 8, &n, "title", "", 0) ==
          EXPO_NOT_FOUND);
}

static expo_status_t
checksum(const char *text, expo_tus_checksum_t *c)
{
    return expo_tus_checksum(c, text, strlen(text));
}

static void
a_checksum_is_an_algorithm_and_a_digest_of_its_length(void)
{
    expo_tus_checksum_t c;

    check(checksum("sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", &c) == EXPO_OK);
    check(c.algorithm == EXPO_TUS_SHA1 && c.bytes == 20 && c.digest[0] == 0xa9);
    check(checksum("sha256 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=", &c) ==
          EXPO_OK);
    check(c.algorithm == EXPO_TUS_SHA256 && c.bytes == 32 &&
          c.digest[0] == 0xba);

    check(checksum("md5 kAFQmDzST7DWlj99KOF/cg==", &c) == EXPO_UNSUPPORTED);
    check(checksum("", &c) == EXPO_UNSUPPORTED);
    check(checksum("SHA1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", &c) ==
          EXPO_UNSUPPORTED);
    check(checksum("sha1", &c) == EXPO_INVALID);
    check(checksum("sha1 ", &c) == EXPO_INVALID);
    check(checksum("sha1  qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", &c) == EXPO_INVALID);
    check(checksum("sha1 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=", &c) ==
          EXPO_INVALID);
    check(checksum("sha256 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", &c) == EXPO_INVALID);
}


int
main(void)
{
    a_number_is_digits_below_two_to_63();
    metadata_is_pairs_of_a_key_and_base64();
    metadata_has_a_limit();
    a_value_is_found_by_its_whole_key();
    a_checksum_is_an_algorithm_and_a_digest_of_its_length();

    return done();
}
