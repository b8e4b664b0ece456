/* Memory that holds something of a scan is wiped before it goes back. */

#ifndef RENDER_WIPE_H
#define RENDER_WIPE_H

#include <stddef.h>

/* at: from malloc, of so many bytes; or NULL. */
void wipe_free(void *at, size_t bytes);

#endif
