#include "fwd/engine.h"

static bool rxonly_forward(struct fwd_stream *fs)
{
	struct mbuf *pkts[MAX_PKT_BURST];
	uint16_t n = stream_receive(fs, pkts);

	mbuf_free_bulk(pkts, n);
	return n != 0;
}

FWD_ENGINE("rxonly", rxonly_forward, "receive packets and drop them", .receives = true);
