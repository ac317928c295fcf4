#ifndef EAL_ETHER_H
#define EAL_ETHER_H
#include "eal/mbuf.h"

/* C only */

/* An Ethernet header's two addresses, and moves of them that the compiler makes into one or two
 * instructions. */
struct ether_addrs {
	uint8_t dst[6];
	uint8_t src[6];
};

static ALWAYS_INLINE struct ether_addrs *mbuf_ether(const struct mbuf *m)
{
	return (struct ether_addrs *)(void *)mbuf_data(m);
}

static ALWAYS_INLINE void ether_swap(struct ether_addrs *ether)
{
	struct ether_addrs was = *ether;

	memcpy(ether->dst, was.src, sizeof(was.src));
	memcpy(ether->src, was.dst, sizeof(was.dst));
}

#endif
