#include "lib/multipart.h"

#include <string.h>
#include <strings.h>

enum {
    MULTIPART_PREAMBLE,
    MULTIPART_DELIMITED, /* the delimiter has come, its line has not ended */
    MULTIPART_CLOSING,   /* one of two dashes has */
    MULTIPART_LINE_END,  /* CR has */
    MULTIPART_HEADERS,
    MULTIPART_DATA,
    MULTIPART_DONE
};

static expo_status_t multipart_search(expo_multipart_t *m, const uint8_t **at,
                                      const uint8_t *end,
                                      expo_multipart_event_t *event,
                                      const uint8_t **data, size_t *len);
static expo_status_t multipart_delimited(expo_multipart_t *m, uint8_t c);
static expo_status_t multipart_head(expo_multipart_t *m, uint8_t c);
static int multipart_head_fits(const expo_multipart_t *m);
static int multipart_is_boundary(const char *text, size_t len);
static int multipart_is_token(char c);
static size_t multipart_blanks(const char *text, size_t at, size_t len);


expo_status_t
expo_multipart_open(expo_multipart_t *m, const char *subtype, const char *type,
                    size_t len)
{
    size_t prefix = strlen("multipart/"), n = strlen(subtype);
    expo_status_t st;

    memset(m, 0, sizeof(*m));

    if (len < prefix + n || strncasecmp(type, "multipart/", prefix) != 0 ||
        strncasecmp(type + prefix, subtype, n) != 0 ||
        (len > prefix + n && multipart_is_token(type[prefix + n]))) {
        return EXPO_UNSUPPORTED;
    }

    st = expo_multipart_parameter(m->delimiter + 4, EXPO_MULTIPART_BOUNDARY, &n,
                                  "boundary", type, len);

    if (st != EXPO_OK || !multipart_is_boundary(m->delimiter + 4, n)) {
        return EXPO_INVALID;
    }

    memcpy(m->delimiter, "\r\n--", 4);
    m->delimiter_len = 4 + n;

    /* The first delimiter may be the first line: nothing ends before it. */
    m->matched = m->assumed = 2;
    m->state = MULTIPART_PREAMBLE;

    return EXPO_OK;
}


expo_status_t
expo_multipart_next(expo_multipart_t *m, const uint8_t **at, const uint8_t *end,
                    expo_multipart_event_t *event, const uint8_t **data,
                    size_t *len)
{
    expo_status_t st = EXPO_OK;

    while (st == EXPO_OK && *at < end) {
        switch (m->state) {
        case MULTIPART_PREAMBLE:
        case MULTIPART_DATA:
            *event = EXPO_MULTIPART_MORE;
            st = multipart_search(m, at, end, event, data, len);
            if (st != EXPO_OK || *event != EXPO_MULTIPART_MORE) {
                return st;
            }
            break;

        case MULTIPART_HEADERS:
            st = multipart_head(m, *(*at)++);
            if (st == EXPO_OK && m->state == MULTIPART_DATA) {
                *event = EXPO_MULTIPART_PART;
                return EXPO_OK;
            }
            break;

        case MULTIPART_DONE:
            *at = end;
            break;

        default:
            st = multipart_delimited(m, *(*at)++);
        }
    }

    *event = EXPO_MULTIPART_MORE;

    return st;
}


int
expo_multipart_whole(const expo_multipart_t *m)
{
    return m->state == MULTIPART_DONE;
}


const char *
expo_multipart_header(const expo_multipart_t *m, const char *name, size_t *len)
{
    const char *line = m->headers, *end = m->headers + m->headers_len, *next;
    size_t n = strlen(name), at, stop;

    for (; line < end; line = next + 2) {
        next = memmem(line, (size_t) (end - line), "\r\n", 2);
        if (next == NULL) {
            return NULL;
        }

        stop = (size_t) (next - line);

        if (stop > n && line[n] == ':' && strncasecmp(line, name, n) == 0) {
            at = multipart_blanks(line, n + 1, stop);

            while (stop > at &&
                   (line[stop - 1] == ' ' || line[stop - 1] == '\t')) {
                stop--;
            }

            *len = stop - at;
            return line + at;
        }
    }

    return NULL;
}


expo_status_t
expo_multipart_parameter(char *dst, size_t cap, size_t *bytes, const char *name,
                         const char *value, size_t len)
{
    size_t at = 0, start, n;
    int ours, found = 0, quoted;

    while (at < len && value[at] != ';') {
        at++;
    }

    while (at < len) {
        at = multipart_blanks(value, at + 1, len);
        if (at == len) {
            break;
        }

        for (start = at; at < len && multipart_is_token(value[at]);) {
            at++;
        }

        if (at == start || at == len || value[at] != '=') {
            return EXPO_INVALID;
        }

        ours = at - start == strlen(name) &&
               strncasecmp(value + start, name, at - start) == 0;
        if (ours && found) {
            return EXPO_INVALID;
        }

        n = 0;
        quoted = ++at < len && value[at] == '"';
        at += (size_t) quoted;

        while (at < len &&
               (quoted ? value[at] != '"' : multipart_is_token(value[at]))) {
            if (quoted && value[at] == '\\' && ++at == len) {
                break;
            }
            if (ours && n == cap) {
                return EXPO_TOO_LARGE;
            }
            if (ours) {
                dst[n++] = value[at];
            }
            at++;
        }

        if (quoted && at++ >= len) {
            return EXPO_INVALID;
        }

        if (ours) {
            found = 1;
            *bytes = n;
        }

        at = multipart_blanks(value, at, len);
        if (at < len && value[at] != ';') {
            return EXPO_INVALID;
        }
    }

    return found ? EXPO_OK : EXPO_NOT_FOUND;
}


/*
 * Looks for the delimiter. It has one CR, at its start: what has matched in
 * vain is data and equal to the delimiter's beginning, and a new match can
 * begin only at the byte that did not fit.
 */
static expo_status_t
multipart_search(expo_multipart_t *m, const uint8_t **at, const uint8_t *end,
                 expo_multipart_event_t *event, const uint8_t **data,
                 size_t *len)
{
    int wanted = m->state == MULTIPART_DATA;
    const uint8_t *from = *at, *cr;

    while (*at < end && m->matched > 0 && m->matched < m->delimiter_len &&
           **at == (uint8_t) m->delimiter[m->matched]) {
        m->matched++;
        ++*at;
    }

    if (m->matched == m->delimiter_len) {
        m->state = MULTIPART_DELIMITED;
        m->matched = m->assumed = 0;
        m->blank = 0;
        *event = wanted ? EXPO_MULTIPART_PART_END : EXPO_MULTIPART_MORE;
        return EXPO_OK;
    }

    if (*at == end) {
        return EXPO_OK;
    }

    if (m->matched > 0) {
        *data = (const uint8_t *) m->delimiter + m->assumed;
        *len = m->matched - m->assumed;
        m->matched = m->assumed = 0;

    } else {
        cr = memchr(*at, '\r', (size_t) (end - *at));
        *data = from;
        *len = (size_t) ((cr != NULL ? cr : end) - from);
        *at += *len;
    }

    if (*len == 0) {
        if (*at < end && **at == '\r') {
            m->matched = 1;
            ++*at;
        }
        return EXPO_OK;
    }

    if (wanted) {
        *event = EXPO_MULTIPART_DATA;
        return EXPO_OK;
    }

    m->preamble += *len;

    return m->preamble > EXPO_MULTIPART_HEADERS ? EXPO_TOO_LARGE : EXPO_OK;
}


/* The rest of the delimiter's line: blanks and its end, or two dashes. */
static expo_status_t
multipart_delimited(expo_multipart_t *m, uint8_t c)
{
    if (m->state == MULTIPART_CLOSING) {
        m->state = MULTIPART_DONE;
        return c == '-' ? EXPO_OK : EXPO_INVALID;
    }

    if (m->state == MULTIPART_LINE_END) {
        m->state = MULTIPART_HEADERS;
        m->headers_len = 0;
        return c != '\n'                           ? EXPO_INVALID
               : m->parts++ < EXPO_MULTIPART_PARTS ? EXPO_OK
                                                   : EXPO_TOO_LARGE;
    }

    if (c == '\r') {
        m->state = MULTIPART_LINE_END;

    } else if (c == '-' && m->blank == 0) {
        m->state = MULTIPART_CLOSING;

    } else if ((c == ' ' || c == '\t') && m->blank < EXPO_MULTIPART_HEADERS) {
        m->blank++;

    } else {
        return EXPO_INVALID;
    }

    return EXPO_OK;
}


/* They end with an empty line, which may be the first. */
static expo_status_t
multipart_head(expo_multipart_t *m, uint8_t c)
{
    size_t n;

    if (m->headers_len == EXPO_MULTIPART_HEADERS) {
        return EXPO_TOO_LARGE;
    }

    m->headers[m->headers_len++] = (char) c;
    n = m->headers_len;

    if (c != '\n' || n < 2 || m->headers[n - 2] != '\r' ||
        (n > 2 && (n < 4 || m->headers[n - 3] != '\n'))) {
        return EXPO_OK;
    }

    m->headers_len -= 2;

    if (!multipart_head_fits(m)) {
        return EXPO_INVALID;
    }

    /* The empty line's end may be that of a delimiter: a part without data. */
    m->matched = m->assumed = 2;
    m->state = MULTIPART_DATA;

    return EXPO_OK;
}


/* Lines of a name, a colon and a value, or the rest of the one before. */
static int
multipart_head_fits(const expo_multipart_t *m)
{
    const char *h = m->headers;
    size_t i = 0, start;

    while (i < m->headers_len) {
        if (i == 0 || (h[i] != ' ' && h[i] != '\t')) {
            for (start = i; i < m->headers_len && multipart_is_token(h[i]);) {
                i++;
            }
            if (i == start || i == m->headers_len || h[i] != ':') {
                return 0;
            }
        }

        for (; h[i] != '\r'; i++) {
            if (((uint8_t) h[i] < ' ' && h[i] != '\t') || h[i] == 0x7f) {
                return 0;
            }
        }

        if (h[i + 1] != '\n') {
            return 0;
        }
        i += 2;
    }

    return 1;
}


static int
multipart_is_boundary(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!((text[i] >= '0' && text[i] <= '9') ||
              (text[i] >= 'A' && text[i] <= 'Z') ||
              (text[i] >= 'a' && text[i] <= 'z') ||
              (text[i] != '\0' && strchr("'()+_,-./:=? ", text[i]) != NULL))) {
            return 0;
        }
    }

    return len > 0 && text[len - 1] != ' ';
}


static int
multipart_is_token(char c)
{
    return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}


static size_t
multipart_blanks(const char *text, size_t at, size_t len)
{
    while (at < len && (text[at] == ' ' || text[at] == '\t')) {
        at++;
    }

    return at;
}
