/*
 * What an import process gives up before it looks at a stranger's bytes:
 * files, network, new processes, new threads, and every system call but a few.
 * A forbidden call kills the process (opening a file is merely refused: libc
 * tries to); its parent says so. Two steps, because
 * threads must start between them.
 */

#ifndef EXPO_IMPORT_SANDBOX_H
#define EXPO_IMPORT_SANDBOX_H

#define SANDBOX_ADDRESS_SPACE (4ull << 30) /* bytes */
#define SANDBOX_CPU_S 300                  /* of all threads together */
#define SANDBOX_WALL_S 600                 /* whoever waits is quicker */

/*
 * Alone in the process, all files mapped and 0..3 open that will be needed:
 * closes the others, limits resources (an operator's narrower limits stay),
 * dies with its parent, leaves the network and the file system. Namespaces and
 * Landlock are taken where the kernel gives them; the system call list closes
 * the same doors. Returns 0 when a limit could not be set.
 */
int sandbox_prepare(void);

/* All threads run: no new ones, and the list of system calls for each. */
int sandbox_enter(void);

#endif
