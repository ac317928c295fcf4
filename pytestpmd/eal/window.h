#ifndef EAL_WINDOW_H
#define EAL_WINDOW_H
#include "eal/common.h"

/* A range of addresses that is ours, in which files are mapped to where we say. */

/* Reserve `size` bytes that begin at a multiple of `align`, a power of two, at `hint` if that is
 * free; nothing can be touched there yet. Where they begin, or -errno. */
int64_t window_reserve(uint64_t hint, size_t size, size_t align);

/* Map a file's first `size` bytes there, to be read and written; `in_place` is whether its pages
 * are to be there at once. 0, or -errno. */
int window_map(uint64_t address, size_t size, int fd, bool in_place);

/* Take it away; the addresses stay ours. 0, or -errno. */
int window_unmap(uint64_t address, size_t size);

/* Let go of addresses that were reserved. 0, or -errno. */
int window_release(uint64_t address, size_t size);

/* C only */

#endif
