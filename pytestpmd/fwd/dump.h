#ifndef FWD_DUMP_H
#define FWD_DUMP_H
#include "eal/mbuf.h"

#define DUMP_BYTES   96
#define DUMP_PACKETS 1024

/* Why a packet was noted. */
#define DUMP_RECEIVED 0
#define DUMP_SENT     1
#define DUMP_CSUM     2 /* by the csum engine, done with it */

/* What `set verbose` shows of a packet: enough for its headers. */
struct dump_packet {
	uint64_t ol_flags; /* csum: as it came */
	uint64_t tx_flags; /* csum: as it goes */
	uint64_t mbuf;     /* csum: its address */
	uint32_t pkt_len;
	uint32_t hash_rss;
	uint16_t nb_burst; /* packets in the burst that begins here; 0 for those that follow */
	uint16_t port;
	uint16_t queue;
	uint16_t nb_segs;
	uint16_t kind;
	uint16_t len; /* of bytes */
	uint16_t vlan_tci;
	uint16_t asks;      /* csum: whether the port is one that does some of it */
	uint16_t lro_segsz; /* csum: as it came */
	uint16_t tso_segsz; /* csum: as it goes */
	uint16_t l3_len;
	uint8_t l2_len;
	uint8_t l4_len;
	uint8_t bytes[96];
};

/* One lcore writes, one thread of Python reads: the data path never waits for a terminal. */
struct dump_ring {
	uint32_t head; /* lcore writes */
	uint32_t tail; /* Python writes */
	uint64_t lost; /* lcore writes: packets that found no room */
	struct dump_packet packets[1024];
};

/* Note n packets of a burst, or count them as lost if they do not all fit. */
void dump_burst(struct dump_ring *ring, struct mbuf *const *pkts, uint16_t n, uint16_t port,
        uint16_t queue, bool sent);

/* Note what the csum engine did to a packet that came with these flags. */
void dump_csum(struct dump_ring *ring, const struct mbuf *m, uint16_t port, uint64_t rx_flags,
        uint16_t lro_segsz, bool asks);

/* The packets that wait to be read; after reading them, dump_read gives their room back. */
uint32_t dump_waiting(const struct dump_ring *ring);
void dump_read(struct dump_ring *ring, uint32_t n);

/* C only */

#endif
