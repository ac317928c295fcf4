#ifndef FWD_REWRITE_H
#define FWD_REWRITE_H
#include "fwd/engine.h"

/* What some engines do to the headers of a burst, for those that do more besides. */
typedef void (*rewrite_t)(struct fwd_stream *fs, struct mbuf **pkts, uint16_t n);

void rewrite_mac(struct fwd_stream *fs, struct mbuf **pkts, uint16_t n);
void rewrite_macswap(struct fwd_stream *fs, struct mbuf **pkts, uint16_t n);
void rewrite_5tswap(struct fwd_stream *fs, struct mbuf **pkts, uint16_t n);
void rewrite_nothing(struct fwd_stream *fs, struct mbuf **pkts, uint16_t n);

/* C only */

/* The turn of an engine that rewrites what it receives and sends it. */
static ALWAYS_INLINE bool stream_rewrite(struct fwd_stream *fs, rewrite_t rewrite)
{
	struct mbuf *pkts[MAX_PKT_BURST];
	uint16_t n = stream_receive(fs, pkts);

	if (n == 0)
		return false;
	rewrite(fs, pkts, n);
	stream_transmit(fs, pkts, n);
	return true;
}

#endif
