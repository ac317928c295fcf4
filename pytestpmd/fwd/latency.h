#ifndef FWD_LATENCY_H
#define FWD_LATENCY_H
#include "ethdev/ethdev.h"

#define LATENCY_AVG_SCALE    4
#define LATENCY_JITTER_SCALE 16

/* How long packets were here, in cycles, as one lcore saw it; it writes, Python reads. Average and
 * jitter are exponential means, scaled so that their shares are whole numbers (RFC 3550, 6.4.1). */
struct latency_stats {
	uint64_t samples;
	uint64_t min;
	uint64_t max;
	uint64_t avg;    /* times LATENCY_AVG_SCALE */
	uint64_t jitter; /* times LATENCY_JITTER_SCALE */
	uint64_t last;
} ALIGNED(64);

/* Stands in a queue's place where latency is measured. */
struct latency_tap {
	rx_burst_t burst; /* the queue's own, to receive or to transmit */
	void *queue;
	struct latency_stats *stats;
} ALIGNED(64);

/* An rx_burst_t and a tx_burst_t over a tap: of each burst received, the first packet is noted, and
 * how long it was here when it is about to be sent. */
uint16_t latency_receive(void *tap, struct mbuf **pkts, uint16_t nb);
uint16_t latency_transmit(void *tap, struct mbuf **pkts, uint16_t nb);

/* C only */

#endif
