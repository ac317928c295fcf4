#include "eal/io.h"

#if defined(__x86_64__)
#include <sys/io.h>
#endif

uint32_t io_load(const void *address, uint32_t width)
{
	switch (width) {
	case 1:
		return *(const volatile uint8_t *)address;
	case 2:
		return *(const volatile uint16_t *)address;
	default:
		return *(const volatile uint32_t *)address;
	}
}

void io_store(void *address, uint32_t width, uint32_t value)
{
	switch (width) {
	case 1:
		*(volatile uint8_t *)address = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)address = (uint16_t)value;
		break;
	default:
		*(volatile uint32_t *)address = value;
	}
}

#if defined(__x86_64__)

/* The kernel gives the right to a thread, not to the process. */
bool port_allowed(void)
{
	static _Thread_local enum { UNKNOWN, ALLOWED, REFUSED } answer;

	if (unlikely(answer == UNKNOWN))
		answer = iopl(3) == 0 ? ALLOWED : REFUSED;
	return answer == ALLOWED;
}

uint32_t port_in(uint16_t port, uint32_t width)
{
	switch (width) {
	case 1:
		return inb(port);
	case 2:
		return inw(port);
	default:
		return inl(port);
	}
}

void port_out(uint16_t port, uint32_t width, uint32_t value)
{
	__asm__ volatile("" : : : "memory"); /* what was written to memory comes first */
	switch (width) {
	case 1:
		outb((uint8_t)value, port);
		break;
	case 2:
		outw((uint16_t)value, port);
		break;
	default:
		outl(value, port);
	}
}

#else

bool port_allowed(void)
{
	return false;
}

uint32_t port_in(uint16_t port, uint32_t width)
{
	(void)port;
	return (uint32_t)(0xffffffffu >> (32 - 8 * width)); /* as where nobody answers */
}

void port_out(uint16_t port, uint32_t width, uint32_t value)
{
	(void)port, (void)width, (void)value;
}

#endif
