#ifndef EAL_SEGMENTS_H
#define EAL_SEGMENTS_H
#include "eal/mbuf.h"

/* C only */

bool pkt_read_far(const struct mbuf *m, uint32_t off, uint32_t len, void *to);
void pkt_write_far(struct mbuf *m, uint32_t off, uint32_t len, const void *from);

/* Copy `len` bytes at `off` of a packet, from whatever segments they are in; false when the packet
 * is shorter. Whoever the packet came from may share its memory and still write there: what is to
 * be checked before use is copied first. */
static ALWAYS_INLINE bool pkt_read(const struct mbuf *m, uint32_t off, uint32_t len, void *to)
{
	if (unlikely(off + len > m->data_len))
		return pkt_read_far(m, off, len, to);
	memcpy(to, mbuf_data(m) + off, len);
	return true;
}

/* Overwrite `len` bytes at `off`, as far as there are such. */
static ALWAYS_INLINE void pkt_write(struct mbuf *m, uint32_t off, uint32_t len, const void *from)
{
	if (unlikely(off + len > m->data_len))
		pkt_write_far(m, off, len, from);
	else
		memcpy(mbuf_data(m) + off, from, len);
}

#endif
