#include "eal/window.h"

#include <errno.h>
#include <sys/mman.h>

#define UNTOUCHABLE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

static void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

int64_t window_reserve(uint64_t hint, size_t size, size_t align)
{
	void *found = mmap(pointer(hint), size + align, PROT_NONE, UNTOUCHABLE, -1, 0);
	uint64_t begin, address = (uint64_t)(uintptr_t)found;

	if (found == MAP_FAILED)
		return -errno;
	begin = (address + align - 1) & ~(uint64_t)(align - 1);
	if (begin != address)
		munmap(found, begin - address);
	if (begin != address + align)
		munmap(pointer(begin + size), address + align - begin);
	return (int64_t)begin;
}

int window_map(uint64_t address, size_t size, int fd, bool in_place)
{
	int flags = MAP_SHARED | MAP_FIXED | (in_place ? MAP_POPULATE : 0);
	void *mapped = mmap(pointer(address), size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (mapped == MAP_FAILED)
		return -errno;
	/* a kernel without transparent huge pages will do */
	madvise(mapped, size, MADV_HUGEPAGE);
	return 0;
}

int window_unmap(uint64_t address, size_t size)
{
	void *mapped = mmap(pointer(address), size, PROT_NONE, UNTOUCHABLE | MAP_FIXED, -1, 0);

	return mapped == MAP_FAILED ? -errno : 0;
}

int window_release(uint64_t address, size_t size)
{
	return munmap(pointer(address), size) ? -errno : 0;
}
