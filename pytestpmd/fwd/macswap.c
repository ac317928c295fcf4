#include "eal/ether.h"
#include "fwd/engine.h"

static bool macswap_forward(struct fwd_stream *fs)
{
	struct mbuf *pkts[MAX_PKT_BURST];
	uint16_t n = stream_receive(fs, pkts);

	if (n == 0)
		return false;
	for (uint16_t i = 0; i < n; i++) {
		ether_swap(mbuf_ether(pkts[i]));
		stream_ask(fs, pkts[i], fs->tx_flags);
	}
	stream_transmit(fs, pkts, n);
	return true;
}

FWD_ENGINE("macswap", macswap_forward, "exchange source and destination address", .can_retry = true,
        .receives = true, .transmits = true);
