#include "fwd/io.h"

bool io_forward(struct fwd_stream *fs)
{
	struct mbuf *pkts[MAX_PKT_BURST];
	uint16_t n = stream_receive(fs, pkts);

	if (n == 0)
		return false;
	stream_transmit(fs, pkts, n);
	return true;
}

FWD_ENGINE("io", io_forward, "pass packets on as they came", .can_retry = true, .receives = true,
        .transmits = true);
