#ifndef EAL_GSO_H
#define EAL_GSO_H
#include "eal/mempool.h"
#include "eal/parse.h"

/* C only */

/* A packet longer than a frame, cut into frames as a network stack or a card would have cut it: a
 * TCP packet into TCP packets, also within a tunnel, or an IPv4 datagram into fragments. */
struct gso {
	const struct mbuf *pkt;
	struct net_hdrs hdrs;  /* of the packet whose payload is dealt out */
	struct net_hdrs outer; /* of the tunnel around it; no l3_len: none */
	uint32_t hdr_len;      /* bytes that every frame begins with */
	uint32_t payload_len;  /* bytes of payload that each but the last carries */
	uint32_t done;         /* bytes of payload */
	uint16_t nb;           /* frames so far */
	bool fragments;
};

/* Deal out the payload of TCP, `payload_len` bytes to a frame. `hdrs` are the packet's, or, with
 * `outer`, those of the packet in its tunnel. False for what cannot be cut: no TCP, no room for
 * payload, headers that no mbuf of the pool holds. */
bool gso_begin_tcp(struct gso *cut, const struct mbuf *pkt, const struct net_hdrs *hdrs,
        const struct net_hdrs *outer, uint32_t payload_len, const struct mempool *pool);

/* Cut an IPv4 datagram into fragments of at most `len` bytes, Ethernet header included. False for
 * what is none, is a fragment already, or must not be fragmented (RFC 791, DF). */
bool gso_begin_fragments(struct gso *cut, const struct mbuf *pkt, const struct net_hdrs *hdrs,
        uint32_t len, const struct mempool *pool);

/* The next frame, which leaves its checksums to whoever sends it; NULL at the end, and when memory
 * is short. */
struct mbuf *gso_next(struct gso *cut, struct mempool *pool);

/* Whether all of it was cut. */
bool gso_is_done(const struct gso *cut);

#endif
