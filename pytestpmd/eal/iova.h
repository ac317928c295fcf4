#ifndef EAL_IOVA_H
#define EAL_IOVA_H
#include "eal/common.h"

#define IOVA_PAGE_BITS 21

/* Where a device that sees physical memory finds what lies in the window of huge pages
 * (hugepages.py). Python writes it before anything in a page is shown to a device. */
struct iova_map {
	uint64_t base;     /* of the window, which begins at a page */
	uint64_t deltas[]; /* by page: what an address in it has to be added to */
};

/* C only */

/* The device's address of a place in the window; of any place where there is no map, because the
 * device sees what we see. */
static ALWAYS_INLINE uint64_t iova_of(const struct iova_map *map, const void *at)
{
	uint64_t address = (uint64_t)(uintptr_t)at;

	if (likely(!map))
		return address;
	return address + map->deltas[(address - map->base) >> IOVA_PAGE_BITS];
}

#endif
