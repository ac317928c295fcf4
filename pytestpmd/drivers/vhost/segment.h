#ifndef VHOST_SEGMENT_H
#define VHOST_SEGMENT_H
#include "eal/mempool.h"
#include "eal/parse.h"

/* A TCP packet longer than a frame, cut into frames for a front-end that takes no longer ones, as a
 * network stack or a card would have cut it. */
struct segmenting {
	const struct mbuf *pkt;
	struct net_hdrs hdrs;
	uint32_t hdr_len;
	uint32_t done; /* bytes of payload */
	uint16_t nb;   /* frames so far */
};

/* False for what cannot be cut: no TCP in sight, segments of no length, or longer than an mbuf. */
bool segment_begin(struct segmenting *cut, const struct mbuf *pkt, const struct mempool *pool);

/* The next frame, which leaves its checksums to whoever sends it; NULL at the end, and when memory
 * is short. */
struct mbuf *segment_next(struct segmenting *cut, struct mempool *pool);

/* Whether all of it was cut. */
bool segment_is_done(const struct segmenting *cut);

#endif
