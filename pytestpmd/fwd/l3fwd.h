#ifndef FWD_L3FWD_H
#define FWD_L3FWD_H
#include "fwd/engine.h"
#include "fwd/route.h"

#define L3FWD_MAX_PORTS 32

/* Why a packet went no further. */
#define L3FWD_NOT_IP     0
#define L3FWD_BAD_HEADER 1
#define L3FWD_TTL        2
#define L3FWD_NO_ROUTE   3
#define L3FWD_NO_ROOM    4
#define L3FWD_NB_REASONS 5

/* Where packets leave: one lcore's transmit queue of a port, and those that wait for the end of the
 * turn. */
struct l3fwd_port {
	tx_burst_t tx_burst; /* NULL: no such port */
	void *tx_queue;
	uint32_t *lock;    /* of a queue that several lcores share; NULL: it is this one's alone */
	uint8_t addrs[12]; /* what the Ethernet header begins with: destination, source */
	uint32_t nb_pkts;
	struct mbuf *pkts[512];
} ALIGNED(64);

/* One lcore's. */
struct l3fwd {
	struct l3fwd_port ports[32];
	struct route_table table;
	uint16_t unrouted[32]; /* by receive port: where packets go that no route is for, or
	                          ROUTE_NONE */
	uint8_t touched[32];   /* ports with packets that wait */
	uint32_t nb_touched;

	/* lcore writes, Python reads */
	uint64_t tx_packets;
	uint64_t nb_unrouted; /* sent on all the same */
	uint64_t drops[5];    /* by L3FWD_NOT_IP ... */
} ALIGNED(64);

/* The engines: route by the longest prefix of the destination, or by all five of addresses, ports
 * and protocol. `fs->l3fwd` says where to. */
bool l3fwd_lpm_forward(struct fwd_stream *fs);
bool l3fwd_flow_forward(struct fwd_stream *fs);

/* In the place of a stream's transmit queue, whose 0 packets settle it: all ports' are settled. */
uint16_t l3fwd_settle(void *l3fwd, struct mbuf **pkts, uint16_t nb);

/* C only */

#endif
