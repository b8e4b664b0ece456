#include "lib/id.c"
#include "lib/base64.c"
#include "t/unit/check.h"

#include <stdlib.h>


static void
known_ids_print_as_base32_says(void)
{
    expo_id_t id;
    char text[EXPO_ID_TEXT + 1];

    memset(&id, 0, sizeof(id));
    expo_id_print(text, &id);
    check(strcmp(text, "aaaaaaaaaaaaaaaaaaaaaaaaaa") == 0);

    memset(&id, 0xff, sizeof(id));
    expo_id_print(text, &id);
    check(strcmp(text, "77777777777777777777777774") == 0);

    /* The expected text is coreutils' base32, in lower case. */
    memcpy(id.b, "exposure-render!", 16);
    expo_id_print(text, &id);
    check(strcmp(text, "mv4ha33tovzgkllsmvxgizlsee") == 0);
}


static void
every_id_reads_back(void)
{
    expo_id_t id, back;
    char text[EXPO_ID_TEXT + 1];
    int i, ok = 1;
    size_t j;

    srand(1);
    for (i = 0; i < 2000; i++) {
        for (j = 0; j < sizeof(id.b); j++) {
            id.b[j] = (uint8_t) rand();
        }

        expo_id_print(text, &id);
        ok &= expo_id_parse(&back, text, strlen(text)) == EXPO_OK;
        ok &= memcmp(&id, &back, sizeof(id)) == 0;
    }

    check(ok);
}


static void
an_id_has_one_spelling(void)
{
    char text[] = "abcdefghijklmnopqrstuvwxyi";
    expo_id_t id;
    int c, taken = 0;
    size_t i;

    check(expo_id_parse(&id, text, 26) == EXPO_OK);
    check(expo_id_parse(&id, text, 25) == EXPO_INVALID);
    check(expo_id_parse(&id, text, 27) == EXPO_INVALID);
    check(expo_id_parse(&id, "", 0) == EXPO_INVALID);

    for (c = 0; c < 256; c++) {
        text[25] = (char) c;
        taken += expo_id_parse(&id, text, 26) == EXPO_OK;
    }
    check(taken == 8); /* three bits lie in the last character */

    text[25] = 'a';
    for (i = 0; i < 25; i++) {
        char kept = text[i];

        taken = 0;
        for (c = 0; c < 256; c++) {
            text[i] = (char) c;
            taken += expo_id_parse(&id, text, 26) == EXPO_OK;
        }
        text[i] = kept;

        if (taken != 32) {
            break;
        }
    }
    check(i == 25);
}


static void
base64_follows_rfc_4648(void)
{
    static const char *const cases[] = {
        "",     "",     "f",        "Zg==",  "fo",       "Zm8=",   "foo",
        "Zm9v", "foob", "Zm9vYg==", "fooba", "Zm9vYmE=", "foobar", "Zm9vYmFy"};
    char text[32];
    uint8_t back[32];
    size_t i, n;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i += 2) {
        expo_base64_print(text, (const uint8_t *) cases[i], strlen(cases[i]));
        check(strcmp(text, cases[i + 1]) == 0);
        check(strlen(text) + 1 == EXPO_BASE64_TEXT(strlen(cases[i])));
        check(expo_base64_parse(back, sizeof(back), &n, text, strlen(text)) ==
                  EXPO_OK &&
              n == strlen(cases[i]) && memcmp(back, cases[i], n) == 0);
    }
}


static void
base64_has_one_spelling_and_a_limit(void)
{
    static const char *const wrong[] = {"Z",     "Zg",   "Zg=",      "Zh==",
                                        "Zm9=",  "====", "Zg==Zg==", "Zm-v",
                                        "Zm9\n", "=m9v", "Z=9v",     "Zm9v="};
    uint8_t back[32];
    size_t i, n;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        check(expo_base64_parse(back, sizeof(back), &n, wrong[i],
                                strlen(wrong[i])) == EXPO_INVALID);
    }

    check(expo_base64_parse(back, 3, &n, "Zm9v", 4) == EXPO_OK);
    check(expo_base64_parse(back, 2, &n, "Zm9v", 4) == EXPO_TOO_LARGE);
    check(expo_base64_parse(back, 1, &n, "Zg==", 4) == EXPO_OK);
    check(expo_base64_parse(back, 0, &n, "Zg==", 4) == EXPO_TOO_LARGE);
}


int
main(void)
{
    known_ids_print_as_base32_says();
    every_id_reads_back();
    an_id_has_one_spelling();
    base64_follows_rfc_4648();
    base64_has_one_spelling_and_a_limit();
    return done();
}
