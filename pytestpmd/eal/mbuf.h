#ifndef EAL_MBUF_H
#define EAL_MBUF_H
#include "eal/common.h"

#define MBUF_HEADROOM 128

struct mempool;

/* One segment of a packet: one cache line of private memory. The bytes lie apart, in memory that a
 * back-end may share, so that nothing here can be written from outside. Free mbufs keep refcnt and
 * nb_segs at 1 and next at NULL. */
struct mbuf {
	uint8_t *buf_addr; /* constant: the segment's buffer */
	uint16_t data_off; /* where the bytes begin in it */
	uint16_t refcnt;
	uint16_t nb_segs; /* first segment only */
	uint16_t port;    /* first segment only: where it was received */
	uint32_t pkt_len; /* first segment only: bytes in all segments */
	uint16_t data_len;
	uint16_t vlan_tci;
	uint64_t ol_flags;
	struct mbuf *next;
	struct mempool *pool; /* constant */
	uint8_t l2_len;
	uint8_t l4_len;
	uint16_t l3_len;
	uint16_t tso_segsz;
	uint16_t vlan_tci_outer;
	uint32_t packet_type;
	uint16_t hash_queue;
	uint16_t buf_len; /* constant: bytes in the buffer, headroom included */
} ALIGNED(64);

/* C only */
static_assert(sizeof(struct mbuf) == CACHE_LINE, "an mbuf is one cache line");

static ALWAYS_INLINE uint8_t *mbuf_data(const struct mbuf *m)
{
	return m->buf_addr + m->data_off;
}

static ALWAYS_INLINE uint16_t mbuf_tailroom(const struct mbuf *m)
{
	return (uint16_t)(m->buf_len - m->data_off - m->data_len);
}

/* Make a fresh mbuf a packet of one segment of `len` bytes that begin at `data_off`. */
static ALWAYS_INLINE void mbuf_set(struct mbuf *m, uint16_t data_off, uint16_t len, uint16_t port)
{
	m->data_off = data_off;
	m->port = port;
	m->pkt_len = len;
	m->data_len = len;
	m->ol_flags = 0;
}

#endif
