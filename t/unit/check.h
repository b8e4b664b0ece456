/* TAP for C: check(expr) prints one line; done() ends with the plan. */

#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

static int check_count_, check_failed_;

#define check(expr)                                                           \
    do {                                                                      \
        int ok_ = !!(expr);                                                   \
        check_failed_ += !ok_;                                                \
        printf("%sok %d - %s: %s\n", ok_ ? "" : "not ", ++check_count_,       \
               __func__, #expr);                                              \
        if (!ok_) {                                                           \
            printf("#   at %s line %d\n", __FILE__, __LINE__);                \
        }                                                                     \
    } while (0)

static inline int
done(void)
{
    printf("1..%d\n", check_count_);
    return check_failed_ != 0;
}

#endif
