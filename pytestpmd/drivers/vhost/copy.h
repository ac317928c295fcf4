#ifndef VHOST_COPY_H
#define VHOST_COPY_H
#include "eal/common.h"

/* C only */

/* Short copies without a call: a packet's length is not known to the compiler, and most are short.
 * Both use only moves of 16 bytes, which every machine has. Measured against memcpy(3) at 64 bytes
 * in bench/README.md. */

static ALWAYS_INLINE void copy_64(uint8_t *to, const uint8_t *from)
{
	__builtin_memcpy(to, from, 64);
}

#define COPY_SHORT 512

/* Exactly len bytes; the last block overlaps the one before it. */
static ALWAYS_INLINE void copy_exact(uint8_t *to, const uint8_t *from, uint32_t len)
{
	uint32_t at = 0;

	if (unlikely(len < 64 || len > COPY_SHORT)) {
		memcpy(to, from, len);
		return;
	}
	for (; at + 64 <= len; at += 64)
		copy_64(to + at, from + at);
	if (at < len)
		copy_64(to + len - 64, from + len - 64);
}

/* At least len bytes, in whole blocks of 64: both sides must have room for that. */
static ALWAYS_INLINE void copy_blocks(uint8_t *to, const uint8_t *from, uint32_t len)
{
	if (unlikely(len > COPY_SHORT)) {
		memcpy(to, from, len);
		return;
	}
	for (uint32_t at = 0; at < len; at += 64)
		copy_64(to + at, from + at);
}

#endif
