#include "eal/ether.h"
#include "fwd/rewrite.h"

void rewrite_macswap(struct fwd_stream *fs, struct mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		ether_swap(mbuf_ether(pkts[i]));
		stream_ask(fs, pkts[i], fs->tx_flags);
	}
}

static bool macswap_forward(struct fwd_stream *fs)
{
	return stream_rewrite(fs, rewrite_macswap);
}

FWD_ENGINE("macswap", macswap_forward, "exchange source and destination address", .can_retry = true,
        .receives = true, .transmits = true);
