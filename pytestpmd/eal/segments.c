#include "eal/segments.h"

/* The next piece of the bytes from *off on, in the first segment that has some of them: its length
 * and, in *m and *off, where it begins; 0 when there are no more segments. */
static uint32_t next_piece(const struct mbuf **m, uint32_t *off, uint32_t len)
{
	for (; *m && *off >= (*m)->data_len; *m = (*m)->next)
		*off -= (*m)->data_len;
	return *m ? min_of((*m)->data_len - *off, len) : 0;
}

bool NOINLINE pkt_read_far(const struct mbuf *m, uint32_t off, uint32_t len, void *to)
{
	uint8_t *at = to;
	uint32_t n;

	for (; len && (n = next_piece(&m, &off, len)) != 0; off += n, at += n, len -= n)
		memcpy(at, mbuf_data(m) + off, n);
	return len == 0;
}

void NOINLINE pkt_write_far(struct mbuf *m, uint32_t off, uint32_t len, const void *from)
{
	const struct mbuf *segment = m;
	const uint8_t *at = from;
	uint32_t n;

	for (; len && (n = next_piece(&segment, &off, len)) != 0; off += n, at += n, len -= n)
		memcpy(mbuf_data(segment) + off, at, n);
}
