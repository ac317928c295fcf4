#ifndef FWD_DUMP_H
#define FWD_DUMP_H
#include "eal/mbuf.h"

#define DUMP_BYTES   96
#define DUMP_PACKETS 1024

/* What `set verbose` shows of a packet: enough for its headers. */
struct dump_packet {
	uint64_t ol_flags;
	uint32_t pkt_len;
	uint16_t nb_burst; /* packets in the burst that begins here; 0 for those that follow */
	uint16_t port;
	uint16_t queue;
	uint16_t nb_segs;
	uint16_t sent; /* or received */
	uint16_t len;  /* of bytes */
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

/* The packets that wait to be read; after reading them, dump_read gives their room back. */
uint32_t dump_waiting(const struct dump_ring *ring);
void dump_read(struct dump_ring *ring, uint32_t n);

/* C only */

#endif
