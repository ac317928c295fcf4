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
	uint16_t buf_len; /* constant: bytes in the buffer, headroom included */
	uint32_t packet_type;
	uint32_t hash_rss;
} ALIGNED(64);

/* ol_flags: what a driver found out about a packet that it received (_RX_), and what it is to do
 * with one that it sends (_TX_). The numbers are DPDK's (lib/mbuf/rte_mbuf_core.h); NONE, both bits
 * of its mask, says that the bytes have no good checksum but are not known to be bad. */
#define MBUF_F_RX_VLAN          (1ULL << 0) /* vlan_tci is set */
#define MBUF_F_RX_RSS_HASH      (1ULL << 1) /* hash_rss is set */
#define MBUF_F_RX_L4_CKSUM_BAD  (1ULL << 3)
#define MBUF_F_RX_IP_CKSUM_BAD  (1ULL << 4)
#define MBUF_F_RX_VLAN_STRIPPED (1ULL << 6) /* the tag is no longer among the bytes */
#define MBUF_F_RX_IP_CKSUM_GOOD (1ULL << 7)
#define MBUF_F_RX_L4_CKSUM_GOOD (1ULL << 8)
#define MBUF_F_RX_L4_CKSUM_NONE (1ULL << 3 | 1ULL << 8)
#define MBUF_F_RX_LRO           (1ULL << 16) /* made of several; tso_segsz is set */
#define MBUF_F_RX_TIMESTAMP     (1ULL << 23) /* its pool knows when it came */

#define MBUF_F_TX_TCP_SEG      (1ULL << 50) /* tso_segsz, l2_len, l3_len, l4_len are set */
#define MBUF_F_TX_TCP_CKSUM    (1ULL << 52) /* l2_len, l3_len are set */
#define MBUF_F_TX_SCTP_CKSUM   (2ULL << 52)
#define MBUF_F_TX_UDP_CKSUM    (3ULL << 52)
#define MBUF_F_TX_L4_MASK      (3ULL << 52) /* one of the three, or none */
#define MBUF_F_TX_IP_CKSUM     (1ULL << 54)
#define MBUF_F_TX_IPV4         (1ULL << 55)
#define MBUF_F_TX_IPV6         (1ULL << 56)
#define MBUF_F_TX_VLAN         (1ULL << 57)       /* insert vlan_tci */
#define MBUF_F_TX_OFFLOAD_MASK (0xfffffULL << 41) /* every bit that asks something of a driver */

/* C only */
static_assert(sizeof(struct mbuf) == CACHE_LINE, "an mbuf is one cache line");
static_assert(offsetof(struct mbuf, data_off) == 8 && offsetof(struct mbuf, pkt_len) == 16 &&
                      offsetof(struct mbuf, next) == 32,
        "mbuf_set writes three words");

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
	typedef uint64_t __attribute__((may_alias)) word;
	word *words = (word *)(void *)&m->data_off;

	words[0] = data_off | 1ull << 16 | 1ull << 32 | (uint64_t)port << 48; /* refcnt, nb_segs */
	words[1] = len | (uint64_t)len << 32;                                 /* vlan_tci */
	words[2] = 0;                                                         /* ol_flags */
}

#endif
