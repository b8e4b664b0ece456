/*
 * One line to standard error for each thing that happened; the journal adds the
 * time. Ids and numbers only: never a name, a key or a path of a person's file.
 */

#ifndef LOG_H
#define LOG_H

void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
