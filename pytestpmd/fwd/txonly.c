/* txonly: frames from a template, whose headers Python has made. The payload is what the buffers
 * held before, as in the original: the bytes of a packet that passed through this program, or
 * zeros. */
#include "fwd/engine.h"

/* Segments behind the first; false when the pool is empty, with what was taken linked to pkt for
 * the caller to free. */
static NOINLINE bool add_segments(struct fwd_stream *fs, struct mbuf *pkt)
{
	const struct txonly_frame *frame = fs->txonly;
	struct mbuf *last = pkt;

	for (uint16_t i = 1; i < frame->nb_segs; i++) {
		struct mbuf *seg;

		if (!mempool_get_bulk(fs->pool, &seg, 1))
			return false;
		mbuf_set(seg, MBUF_HEADROOM, frame->seg_len[i], fs->tx_port);
		last->next = seg;
		last = seg;
		pkt->nb_segs++;
	}
	pkt->pkt_len = frame->pkt_len;
	return true;
}

static uint16_t make_frames(struct fwd_stream *fs, struct mbuf **pkts)
{
	const struct txonly_frame *frame = fs->txonly;
	uint16_t n = mempool_get_some(fs->pool, pkts, fs->burst);

	for (uint16_t i = 0; i < n; i++) {
		struct mbuf *m = pkts[i];

		mbuf_set(m, MBUF_HEADROOM, frame->seg_len[0], fs->tx_port);
		memcpy(mbuf_data(m), frame->hdr, TXONLY_HDR_LEN);
		if (unlikely(frame->nb_segs > 1) && !add_segments(fs, m)) {
			mbuf_free_bulk(&pkts[i], (uint16_t)(n - i));
			return i;
		}
	}
	return n;
}

static bool txonly_forward(struct fwd_stream *fs)
{
	struct mbuf *pkts[MAX_PKT_BURST];
	uint16_t n = make_frames(fs, pkts);

	if (n == 0)
		return false;
	stream_transmit(fs, pkts, n);
	return true;
}

FWD_ENGINE("txonly", txonly_forward, "make packets and send them", .can_retry = true,
        .transmits = true);
