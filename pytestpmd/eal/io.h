#ifndef EAL_IO_H
#define EAL_IO_H
#include "eal/common.h"

/* A device's registers: one access of 1, 2 or 4 bytes, no more and no less, to a mapped BAR or to a
 * port. Ports are x86's alone; elsewhere none is allowed. */

uint32_t io_load(const void *address, uint32_t width);
void io_store(void *address, uint32_t width, uint32_t value);

/* Whether the calling thread may use ports; it asks for that the first time. */
bool port_allowed(void);
uint32_t port_in(uint16_t port, uint32_t width);
void port_out(uint16_t port, uint32_t width, uint32_t value);

/* C only */

/* What was written to memory before is there when a device hears of what is stored after it. x86
 * keeps stores in order, those to a BAR too, which is mapped uncached; the compiler need not. */
static ALWAYS_INLINE void io_write_barrier(void)
{
#if defined(__aarch64__)
	__asm__ volatile("dmb oshst" : : : "memory");
#elif defined(__x86_64__)
	__asm__ volatile("" : : : "memory");
#else
	full_fence();
#endif
}

#endif
