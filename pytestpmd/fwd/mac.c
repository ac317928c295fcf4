#include "eal/ether.h"
#include "fwd/rewrite.h"

void rewrite_mac(struct fwd_stream *fs, struct mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct ether_addrs *ether = mbuf_ether(pkts[i]);

		memcpy(ether->dst, fs->peer_mac, sizeof(ether->dst));
		memcpy(ether->src, fs->own_mac, sizeof(ether->src));
		stream_ask(fs, pkts[i], fs->tx_flags);
	}
}

static bool mac_forward(struct fwd_stream *fs)
{
	return stream_rewrite(fs, rewrite_mac);
}

FWD_ENGINE("mac", mac_forward, "send to the peer's address, from the port's", .can_retry = true,
        .receives = true, .transmits = true);
