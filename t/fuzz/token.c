/*
 * Nobody who lacks the key makes a token, and what base64url reads it writes
 * again as it was. Input: a token, or a key set when it starts with a brace.
 */

#include "lib/base64.c"
#include "lib/jwks.c"
#include "lib/token.c"

/* The EC key of RFC 7517, appendix A.1. */
static const char set[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"1\","
    "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}]}";


static void
load(const char *text, size_t len)
{
    char error[128] = "";
    expo_jwks_t *keys;

    if (expo_jwks_load(text, len, &keys, error, sizeof(error)) == EXPO_OK) {
        expo_jwks_free(keys);

    } else if (error[0] == '\0') {
        abort();
    }
}


static void
spell(const char *text, size_t len)
{
    uint8_t *bytes = malloc(EXPO_BASE64URL_BYTES(len) + 1);
    char *again = malloc(len + 2);
    size_t n;

    if (expo_base64url_parse(bytes, &n, text, len) == EXPO_OK) {
        expo_base64url_print(again, bytes, n);

        if (strlen(again) != len || memcmp(again, text, len) != 0) {
            abort();
        }
    }

    free(again);
    free(bytes);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static expo_jwks_t *keys;
    expo_status_t st;
    const char *text = (const char *) data;
    json_t *header = NULL;
    expo_claims_t claims;
    char error[128];
    token_parts_t p;

    if (keys == NULL && expo_jwks_load(set, sizeof(set) - 1, &keys, error,
                                       sizeof(error)) != EXPO_OK) {
        abort();
    }

    if (size > 0 && data[0] == '{') {
        load(text, size);
        return 0;
    }

    spell(text, size);

    if (token_split(&p, text, size) && token_header(&p, &header) == EXPO_OK) {
        token_type_fits(header);
        json_decref(header);
    }

    /* The claims alone, as if the signature had been right. */
    header = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    token_claims(header, "i", "a", 1000, &claims);
    json_decref(header);

    st = expo_token_verify(keys, "i", "a", 1000, text, size, &claims);
    if (st != EXPO_DENIED && st != EXPO_NOT_FOUND) {
        abort();
    }

    return 0;
}
